# The image of the command line and the operator: docker build -t gristmill .
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /src
COPY . .
RUN python3 -m venv --without-pip /opt/gristmill \
 && python3 -m pip --python /opt/gristmill/bin/python install --no-cache-dir --constraint constraints.txt '.[operator]'

FROM ${BASE}
COPY --from=build /opt/gristmill /opt/gristmill
ENV PATH=/opt/gristmill/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["gristmill"]
CMD ["--help"]
