"""An outside judge: GitHub's own description of its API, against which requests, answers and webhooks are held.

`github.json.xz` is cut from the npm package @octokit/openapi, whose licence stands beside it in LICENSE.
"""
