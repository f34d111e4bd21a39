# Supplygraph as a container. Build: docker build -t supplygraph .
# Run: docker run -p 8000:8000 -v ./manifest.yaml:/etc/supplygraph/manifest.yaml:ro supplygraph

FROM python:3.12-slim AS build
WORKDIR /source
COPY requirements-uv.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-uv.lock \
    && uv venv /opt/supplygraph \
    && uv pip install --no-cache --compile-bytecode --python /opt/supplygraph/bin/python \
        --require-hashes -r requirements.lock
COPY . .
RUN uv pip install --no-cache --compile-bytecode --python /opt/supplygraph/bin/python --no-deps .

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/supplygraph supplygraph
COPY --from=build /opt/supplygraph /opt/supplygraph
ENV PATH=/opt/supplygraph/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/supplygraph
VOLUME /var/lib/supplygraph
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["supplygraph", "serve", "--manifest", "/etc/supplygraph/manifest.yaml", "--host", "0.0.0.0"]
