# The bot in one image. Start it with a volume at /data and the settings of docs/install.md.
FROM python:3.11-slim-bookworm

# git: the bot's own tool. bubblewrap, libseccomp2: the sandbox. tini: takes in the processes that agents leave behind.
# util-linux has setpriv, setsid and prlimit. The user's numbers are fixed, so that files on the host can be given to it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap ca-certificates git libseccomp2 tini util-linux \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 999 tutti \
 && useradd --system --uid 999 --gid tutti --no-create-home --home-dir /data --shell /usr/sbin/nologin tutti \
 && install -d -o tutti -g tutti -m 0700 /data

WORKDIR /app
COPY requirements.lock requirements-dev.lock ./
# What builds the package stands in the second lock only; every file is checked against its hash.
RUN awk '/^setuptools==/{on=1} on; on && !/\\$/{exit}' requirements-dev.lock > requirements-build.lock \
 && pip install --no-cache-dir --require-hashes -r requirements.lock -r requirements-build.lock

COPY pyproject.toml README.md LICENSE app.yml ./
COPY bot ./bot
COPY workflows ./workflows
COPY docs/workflows.md ./docs/
COPY scripts/as-tutti /usr/local/bin/as-tutti
# In place, because the workflows and app.yml are read from beside the package.
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
 && python -m compileall -q bot

ENV HOME=/data \
    PYTHONUNBUFFERED=1 \
    TUTTI_DATA_DIR=/data \
    TUTTI_HOST=0.0.0.0

VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import http.client; from bot.settings import read; c = http.client.HTTPConnection('127.0.0.1', read().port, timeout=4); c.request('GET', '/healthz'); assert c.getresponse().status == 200"]

# Root only gives the volume to the user `tutti` (some hosts mount it as root's), and everything runs as that user. With
# `--user tutti`, as in the line of docs/install.md, there is no root at all: a new volume begins as /data is here.
ENTRYPOINT ["tini", "-s", "--", "as-tutti", "tutti"]
CMD ["serve"]
