#!/usr/bin/env bash
# Builds the controller's image: docker/build.sh [TAG]. Needs a Docker engine, the Debian base image, and `npm ci` done.
# Everything that goes in is put together here, so the build itself needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-steady}
context=docker/context
rm -rf "$context"
mkdir -p "$context/steady"
trap 'rm -rf "$context"' EXIT
cp "$(node -p process.execPath)" "$context/node"
cp -r bin dist topologies package.json package-lock.json LICENSE README.md "$context/steady/"
(cd "$context/steady" && npm ci --omit=dev --ignore-scripts --no-fund --no-audit --silent)
docker build ${DOCKER_BUILD_OPTIONS:-} -t "$tag" docker
