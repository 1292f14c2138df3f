"""An outside judge: GitHub's own description of its API, against which requests, answers and webhooks are held."""
