# One image, one volume, no root. Build: docker build -t panops . ; run: see compose.yaml
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN python -m venv /opt/panops && /opt/panops/bin/pip install --no-cache-dir --no-compile .

FROM python:3.12-slim
COPY --from=build /opt/panops /opt/panops
RUN useradd --system --uid 8440 --home-dir /data panops && install -d -o panops -g panops /data
ENV PATH=/opt/panops/bin:$PATH PANOPS_HOME=/data PYTHONDONTWRITEBYTECODE=1
USER panops
VOLUME /data
EXPOSE 8440
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8440/healthz', timeout=4)"]
ENTRYPOINT ["panops"]
CMD ["run", "--host", "0.0.0.0"]
