# The service alone; its database is another container (docker-compose.yml) or DATABASE_URL.

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN python -m venv .venv \
 && .venv/bin/pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY geo geo
COPY sources sources
COPY storage storage
COPY resolvers resolvers
COPY schema schema
COPY service service
COPY fixtures fixtures
# The lock also pins the developers' tools: they build here, and do not travel.
RUN .venv/bin/pip install --no-index --no-deps --no-build-isolation --editable . \
 && .venv/bin/pip uninstall --yes \
      hypothesis import-linter mypy pytest pytest-xdist ruff scipy-stubs types-shapely

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="wangge" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --create-home --home-dir /var/lib/wangge --shell /usr/sbin/nologin wangge
WORKDIR /app
COPY --from=build /app /app
# Inside a container every address is the container's own; compose publishes it to this host only.
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/lib/wangge/numba \
    WANGGE_HOST=0.0.0.0 \
    WANGGE_PORT=8000
USER wangge
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["wangge"]
CMD ["serve"]
