"""The policies: a file each, with `POLICY`; a new file is in force as soon as it is here."""
