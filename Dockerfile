# Draws the figures with the versions of constraints.txt, as `make figures` does:
#   docker build -t simgeo .
#   docker run --rm -v "$PWD/figures:/simgeo/figures" simgeo [STUDY] [--quick] [--all]
FROM python:3.11-slim
# The commit of a run is stored with its numbers.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /simgeo
COPY pyproject.toml constraints.txt README.md LICENSE CHANGELOG.md CITATION.cff ./
COPY simgeo simgeo
COPY simgeo_apps simgeo_apps
RUN pip install --no-cache-dir --constraint constraints.txt --editable .
COPY . .
ENTRYPOINT ["python", "-m", "experiments"]
