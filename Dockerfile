# Ensue in a slim image: packages by their recorded hashes, a user without rights, no build tools.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv --without-pip /opt/ensue
COPY requirements.lock /tmp/
# Wheels alone: nothing is compiled, and nothing that is not in the lock can come in.
RUN pip --python /opt/ensue/bin/python install --require-hashes --only-binary :all: --no-deps -r /tmp/requirements.lock
COPY src/ensue /opt/ensue/app/ensue

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin ensue \
 && install -d -o ensue -g ensue -m 0700 /data
COPY --from=build /opt/ensue /opt/ensue
ENV PATH=/opt/ensue/bin:$PATH PYTHONPATH=/opt/ensue/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    ENSUE_DATA=/data ENSUE_HOST=0.0.0.0 ENSUE_PORT=8000 ENSUE_LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# Stopping drains, within 20 seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['ENSUE_PORT'] + '/api/health/ready', timeout=4)"]
ENTRYPOINT ["python", "-m", "ensue.cli"]
CMD ["serve"]
