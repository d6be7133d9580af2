#!/usr/bin/env bash
# Builds the controller's image: docker/build.sh [TAG]. Needs a Docker engine, the Debian base image, and `npm ci` done.
# Everything that goes in is put together here, so the build itself needs no network. DOCKER_BUILD_OPTIONS is passed on.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-steady}
[[ -f dist/src/cli/main.js ]] || { echo "docker/build.sh: dist/ is not built. Run: npm ci" >&2; exit 1; }

context=$(mktemp -d "${TMPDIR:-/tmp}/steady-image-XXXXXX")
trap 'rm -rf "$context"' EXIT
to=$context/steady
mkdir -p "$to/dist"
cp "$(node -p process.execPath)" "$context/node"
mkdir "$to/docker"
cp docker/testbed.sh "$to/docker"
cp -r bin topologies package.json package-lock.json LICENSE README.md "$to"
# Not all of dist/: compiled tests may lie there too.
cp -r dist/src dist/controller dist/dashboard "$to/dist"
find "$to/dist" \( -name '*.tsbuildinfo' -o -name '*.d.ts' \) -delete
(cd "$to" && npm ci --omit=dev --ignore-scripts --prefer-offline --no-fund --no-audit --silent)
# The base has the GNU C library.
rm -rf "$to"/node_modules/@libsql/*-musl
# The user inside is somebody else: what a strict umask kept from others must be readable there.
chmod -R a+rX "$context"

# shellcheck disable=SC2086  # several options in one variable
docker build ${DOCKER_BUILD_OPTIONS:-} -f docker/Dockerfile -t "$tag" "$context"
