# The image of the command line and the operator: docker build -t gristmill .
# Packages make one layer, the project's code another: a change of the code rebuilds the small one only.
# BASE is an image with CPython and pip below /usr/local, as Python's own images have them.
ARG BASE=python:3.12-slim

FROM ${BASE} AS wanted
COPY pyproject.toml worker-image/requirements.py ./
RUN python3 requirements.py operator >/requirements.txt

FROM ${BASE} AS packages
WORKDIR /src
COPY --from=wanted /requirements.txt ./
COPY constraints.txt worker-image/trim.sh ./
RUN python3 -m pip install --no-cache-dir --no-warn-script-location --prefix=/packages --ignore-installed \
      -c constraints.txt -r requirements.txt \
 && sh trim.sh /packages

FROM ${BASE} AS code
WORKDIR /src
COPY constraints.txt ./
RUN python3 -m pip install --no-cache-dir --no-warn-script-location -c constraints.txt hatchling
COPY . .
RUN python3 -m pip install --no-cache-dir --no-warn-script-location --prefix=/code --no-deps --no-build-isolation .

FROM ${BASE}
# Images of Python come without its library's bytecode, which each start would compile anew.
RUN python3 -m compileall -q -x 'site-packages|/test/|/lib2to3/' /usr/local/lib/python3*
ENV USER=gristmill HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["gristmill"]
CMD ["--help"]
COPY --from=packages /packages /usr/local
COPY --from=code /code /usr/local
