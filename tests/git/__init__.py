"""The tests of the git room, over real git and real HTTP."""
