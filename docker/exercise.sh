#!/usr/bin/env bash
# Builds the images of controller and testbed and runs them, also by docker/compose.yaml, on a Docker engine that this script starts for
# itself: docker/exercise.sh. Needs root, `npm ci` done, and the Debian packages docker.io, docker-compose, mmdebstrap and curl. Base image: a minimal
# Debian 12, fetched from the mirror that apt uses. Nothing is left: engine, containers and mounts live in namespaces that end with this script.
# Exit codes: 0 the image works; 3 there is no engine here, with the reason; anything else: something is broken.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
no_engine() { echo "docker/exercise.sh: no Docker engine here: $*" >&2; exit 3; }
broken() { echo "docker/exercise.sh: $*" >&2; exit 1; }

if [[ ${1:-} != --inside ]]; then
  PATH=$PATH:/usr/sbin:/sbin
  [[ $(id -u) = 0 ]] || no_engine "needs root"
  for command in docker dockerd docker-compose mmdebstrap curl unshare; do
    command -v "$command" >/dev/null || no_engine "$command is not installed (apt-get install docker.io docker-compose mmdebstrap curl)"
  done
  # Not /tmp, which may be memory: images and layers are hundreds of megabytes.
  work=$(mktemp -d "${TMPDIR:-/var/tmp}/steady-docker-XXXXXX")
  # Where an engine writes whatever it is told. Inside, each of them is covered by a file system in memory.
  made=()
  for place in /etc/docker /opt/containerd /run/containerd /run/docker; do
    [[ -d $place ]] || { mkdir "$place"; made+=("$place"); }
  done
  forwarding=$(cat /proc/sys/net/ipv4/ip_forward)
  unshare --mount --pid --mount-proc --fork --kill-child "$0" --inside "$work" &
  inside=$!
  end() {
    kill -KILL "$inside" 2>/dev/null || true
    wait "$inside" 2>/dev/null || true
    rm -rf --one-file-system "$work"
    [[ ${#made[@]} = 0 ]] || rmdir "${made[@]}"
    find /sys/fs/cgroup -depth -type d -path "*/${work##*/}*" -exec rmdir {} + 2>/dev/null || true
    [[ $(cat /proc/sys/net/ipv4/ip_forward) = "$forwarding" ]] || echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
  }
  trap end EXIT
  trap 'exit 143' TERM
  trap 'exit 130' INT
  wait "$inside"
  exit
fi

work=$2
for place in /etc/docker /opt/containerd /run/containerd /run/docker; do mount -t tmpfs none "$place"; done
export TMPDIR=$work
export DOCKER_HOST=unix://$work/docker.sock
# Neither the user's credentials nor the user's proxies belong in here.
export DOCKER_CONFIG=$work/client
mkdir "$DOCKER_CONFIG"

# start_engine [COMMAND...]: dockerd, run by COMMAND; `engine` is its process.
start_engine() {
  # No rules of a packet filter in any case: what is published is carried by docker-proxy.
  "$@" dockerd --data-root "$work/data" --exec-root "$work/exec" -H "$DOCKER_HOST" --pidfile "$work/dockerd.pid" \
    --cgroup-parent "/${work##*/}" --iptables=false --ip6tables=false --ip-forward=false ${bridge:-} >"$work/dockerd.log" 2>&1 &
  engine=$!
  for _ in $(seq 300); do
    docker version >/dev/null 2>&1 && return
    kill -0 "$engine" 2>/dev/null || no_engine "dockerd ended: $(tail -n 1 "$work/dockerd.log")"
    sleep 0.1
  done
  no_engine "dockerd did not answer within 30 s: $(tail -n 1 "$work/dockerd.log")"
}

import_base() {
  local mirror proxy=
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [[ -z $proxy || $proxy = DIRECT ]] || export http_proxy=$proxy
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | head -n 1)
  # The tree is thrown away in a minute: dpkg need not wait for the disk.
  mmdebstrap --variant=apt --include=passwd --dpkgopt=force-unsafe-io \
    bookworm - "${mirror:-http://deb.debian.org/debian}" 2>"$work/base.log" | docker import - debian:bookworm-slim >/dev/null ||
    broken "no base image: $(tail -n 3 "$work/base.log")"
}

# run_controller NAME OPTION... -- ARGUMENT...: starts a container, sets `ports` to the line that the controller prints.
run_controller() {
  local name=$1 options=()
  shift
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  docker run --detach --name "$name" --cap-drop ALL --security-opt no-new-privileges --read-only "${options[@]}" steady "$@" >/dev/null
  for _ in $(seq 300); do
    ports=$(docker logs "$name" 2>/dev/null | head -n 1)
    [[ -n $ports ]] && break
    sleep 0.1
  done
  [[ $ports =~ ^\{\"openflowPort\":[0-9]+,\"httpPort\":[0-9]+\}$ ]] ||
    broken "$name printed '$ports'. Its log: $(docker logs "$name" 2>&1 | tail -n 5)"
}

stop_controller() {
  docker stop --time 15 "$1" >/dev/null
  local code
  code=$(docker inspect --format '{{.State.ExitCode}}' "$1")
  [[ $code = 0 ]] || broken "$1 ended with $code when told to stop: $(docker logs "$1" 2>&1 | tail -n 5)"
  docker rm "$1" >/dev/null
}

# The same questions from inside the container and from outside.
read -r -d '' ask <<'JS' || true
const port = JSON.parse(process.argv[1]).httpPort;
for (const [path, type] of [['/livez', 'application/json'], ['/v1/switches', 'application/json'], ['/', 'text/html']]) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept: type } });
  const got = answer.headers.get('content-type') ?? 'nothing';
  if (answer.status !== 200 || !got.startsWith(type)) throw new Error(`${path}: ${answer.status}, ${got}`);
}
JS
read -r -d '' no_dev_dependencies <<'JS' || true
const { existsSync, readFileSync } = await import('node:fs');
const { dependencies, devDependencies } = JSON.parse(readFileSync('/opt/steady/package.json', 'utf8'));
const here = (name) => existsSync(`/opt/steady/node_modules/${name}`);
const missing = Object.keys(dependencies).filter((name) => !here(name));
const extra = Object.keys(devDependencies).filter(here);
if (missing.length + extra.length > 0) throw new Error(`missing: ${missing}; only for development: ${extra}`);
JS

# On the machine's network without a bridge: containers have this network or none.
bridge=--bridge=none start_engine
say "engine: $(docker version --format '{{.Server.Version}}'), $(docker info --format '{{.Driver}}')"
import_base
say "base image imported"
DOCKER_BUILD_OPTIONS="--network host" docker/build.sh steady >"$work/build.log" 2>&1 || broken "the build failed: $(tail -n 15 "$work/build.log")"
say "image built: $(docker image inspect --format '{{.Size}}' steady | numfmt --to=si)B"

# As the image is meant, with a journal in a volume; twice, so that the second one opens the journal of the first.
for time in first second; do
  run_controller "$time" --network none --volume state:/var/lib/steady --
  [[ $ports = '{"openflowPort":6653,"httpPort":8080}' ]] || broken "unexpected default ports: $ports"
  docker exec "$time" node --input-type=module -e "$ask" "$ports" || broken "the $time controller does not answer"
  user=$(docker exec "$time" id -u)
  [[ $user != 0 ]] || broken "the controller runs as root"
  docker exec "$time" node --input-type=module -e "$no_dev_dependencies" || broken "the image has the wrong packages"
  stop_controller "$time"
done
say "answers as user $user, without capabilities, from its own journal"

# With a site, on the host's network.
mkdir "$work/site"
cp topologies/two-dc.yaml "$work/site"
echo 'topology: two-dc.yaml' >"$work/site/steady.yaml"
chmod -R a+rX "$work/site"
run_controller site --network host --volume "$work/site:/etc/steady:ro" -- \
  run --config /etc/steady/steady.yaml --state /var/lib/steady --openflow-port 0 --http-port 0
node --input-type=module -e "$ask" "$ports" || broken "the controller does not answer on the host's network"
stop_controller site
say "answers on the host's network: $ports"

# The testbed by the compose file, with a machine that is moved quickly. Its network is made in a namespace.
proxy=()
[[ -z ${http_proxy:-} ]] || proxy=(--build-arg "http_proxy=$http_proxy")
docker build --network host "${proxy[@]}" -f docker/Dockerfile.testbed -t steady-testbed docker >"$work/build.log" 2>&1 ||
  broken "the build of the testbed failed: $(tail -n 15 "$work/build.log")"
say "testbed built: $(docker image inspect --format '{{.Size}}' steady-testbed | numfmt --to=si)B"
kill "$engine"
wait "$engine" || true
start_engine unshare --net sh -c 'ip link set lo up && exec "$@"' sh
sed 's/memoryBytes: [0-9]*/memoryBytes: 20000000/' topologies/two-dc.yaml >"$work/small.yaml"
cat >"$work/override.yaml" <<YAML
version: "2.4"
services: { testbed: { volumes: ["$work/small.yaml:/small.yaml:ro"] } }
YAML
compose() { TOPOLOGY=/small.yaml docker-compose -p steady -f docker/compose.yaml -f "$work/override.yaml" "$@"; }
compose up -d >"$work/compose.log" 2>&1 ||
  broken "compose: $(tail -n 5 "$work/compose.log") $(docker logs steady-testbed 2>&1 | tail -n 5)"
say "testbed and controller are up"
# As a user of the machine does: the request of the compose file, and then looking at it. It is refused, with the reason, until all have attached.
ask_published() { nsenter --target "$engine" --net curl -sS --max-time 10 "$@"; }
request=$(sed -n 's/^#   curl //p' docker/compose.yaml)
place=
for _ in $(seq 60); do
  answer=$(eval "ask_published -i $request" 2>&1) || true
  place=$(sed -n 's/^location: \([^\r]*\).*/\1/pI' <<<"$answer")
  [[ -z $place ]] || break
  sleep 1
done
[[ -n $place ]] || broken "no migration was accepted within 60 s; at last: $answer"
for _ in $(seq 120); do
  answer=$(ask_published "http://127.0.0.1:8080$place")
  [[ ! $answer =~ '"state":"'(completed|failed|cancelled)'"' ]] || break
  sleep 0.5
done
[[ ${BASH_REMATCH[1]:-none} = completed ]] || broken "the machine was not moved: $answer"
say "a request to 127.0.0.1:8080 moved a machine to completed"
compose down --volumes >"$work/compose.log" 2>&1 || broken "compose down: $(tail -n 5 "$work/compose.log")"
say "compose has taken everything down"
