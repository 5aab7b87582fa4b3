# Any image with Python 3.11 or later and its venv module will do. This tag fixes the minor release of Python and
# the release of Debian; a rebuild brings the security fixes of both.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src

# Two environments: pip and the build backend stay behind in the first, so that the server's holds neither.
COPY constraints.txt ./
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --constraint constraints.txt hatchling \
    && python3 -m venv --without-pip /opt/assayd

COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY client ./client
COPY server ./server

# No isolation, so that the constraints hold for the build backend too. The bytecode is never checked against its
# sources: copying between stages may change their times, and the server could not write it anew. The tests that the
# libraries bring along go: 66 MB that nothing imports.
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /dist . \
    && set -- /dist/assayd-*.whl \
    && /opt/build/bin/pip --python /opt/assayd/bin/python install \
        --no-compile --only-binary :all: --constraint constraints.txt "$1[server,objectstore,otel]" \
    && find /opt/assayd/lib -depth -type d \( -name tests -o -path '*/onnx/backend/test' \) -exec rm -r {} + \
    && /opt/assayd/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/assayd/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="assayd" \
      org.opencontainers.image.description="Scores data at scale over gRPC with ONNX models." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/assayd /opt/assayd
ENV PATH=/opt/assayd/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# From 1.29 on, ONNX Runtime otherwise reports the models it loads to its makers.
ENV ORT_DISABLE_TELEMETRY=1
# By number, because Kubernetes cannot tell from a name that the user is not root.
USER 10001:10001
EXPOSE 50051 9090
ENTRYPOINT ["assayd"]
CMD ["serve"]
