#!/usr/bin/python3
"""Builds a topology file in Mininet, for a Steady controller (or any other) to attach to.

    sudo topologies/mininet.py two-dc                    # command line of Mininet, controller on 127.0.0.1:6653
    sudo topologies/mininet.py two-dc --smoke            # ping across the wide-area link through the controller's rules, then leave
    sudo topologies/mininet.py two-dc --machines         # with machines that move, and a steady.yaml for the controller
    sudo mn --custom topologies/mininet.py --topo steady,two-dc \\
            --controller remote,ip=127.0.0.1,port=6653 --switch ovs,datapath=user,protocols=OpenFlow13

The port numbers are those of `portsOf` in src/network/topology.ts: links, hosts and VM attachments in file order.
The controller's rules know every address: they answer questions for a neighbour (ARP), and nothing is flooded.

Wide-area links have capacity and buffer but no delay, because Mininet puts delay (netem) where Open vSwitch keeps its
queues; an opaque link has no queue either, for that is its carrier's. `steady testbed up` has both. With `--machines` each machine has a
stand-in at each of its places and each hypervisor the transfer agent of the testbed (real TCP, real pre-copy dynamics, no guest
inside); the controller is started with the steady.yaml that is written.

Needs the Debian packages mininet, openvswitch-switch, ethtool and python3-yaml, the Python of the distribution, and root; with
`--machines` also Node and the built project.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

# Not __file__: mn runs this text without setting it. The code object knows where its text came from in both cases.
FOLDER = os.path.dirname(os.path.realpath((lambda: None).__code__.co_filename))
# Python looks beside a script first, and would take this very file for the package `mininet`.
sys.path = [entry for entry in sys.path if os.path.realpath(entry) != FOLDER]

try:
    import yaml
    from mininet.cli import CLI
    from mininet.log import setLogLevel
    from mininet.net import Mininet
    from mininet.node import OVSSwitch, RemoteController
    from mininet.topo import Topo
except ImportError as missing:
    sys.exit(f"{missing}. Run: apt-get install -y mininet openvswitch-switch python3-yaml, and use /usr/bin/python3.")

ROW_TAG = "external-ids:steady=mininet"
PROGRAMS = os.path.join(FOLDER, "..", "dist", "src", "testbed")
# Queues of a hypervisor switch's uplink by the DSCP that the rules write (`uplinkQueues` of src/testbed/shaping.ts), and their first rate.
UPLINK_QUEUES = {1: 34, 2: 10, 3: 26}
LINE_BITS_PER_SECOND = 1_000_000_000
MIGRATION_BITS_PER_SECOND = 2_000_000


def topology_path(name):
    return name if os.path.isfile(name) else os.path.join(FOLDER, f"{name}.yaml")


def read_topology(name):
    """`name` is a file, or the name of a file in this folder without its ending. Optional parts are filled in."""
    path = topology_path(name)
    try:
        with open(path, encoding="utf-8") as file:
            spec = yaml.safe_load(file)
    except OSError as error:
        known = ", ".join(sorted(f[:-5] for f in os.listdir(FOLDER) if f.endswith(".yaml")))
        sys.exit(f"{path}: {error.strerror}. There are: {known}")
    except yaml.YAMLError as error:
        sys.exit(f"{path}: {error}")
    if not isinstance(spec, dict) or "switches" not in spec:
        sys.exit(f"{path}: this is no topology: it has no switches.")
    tunnels = [link["name"] for link in spec.get("links") or [] if "vxlan" in link]
    if tunnels:
        sys.exit(f"{path}: Mininet builds no tunnels ({', '.join(tunnels)}); `steady testbed up` does.")
    for part in ("links", "hosts", "vms"):
        spec[part] = spec.get(part) or []
    spec["file"] = name
    return spec


def home_of(spec):
    """Name of a host to name of its switch."""
    return {host["name"]: host["switch"] for host in spec["hosts"]}


def ports_of(spec, switch):
    """Labels of the ports of one switch, with their numbers."""
    home = home_of(spec)
    labels = [link["name"] for link in spec["links"] for end in link["ends"] if end == switch]
    labels += [host["name"] for host in spec["hosts"] if host["switch"] == switch]
    labels += [f"{vm['name']}@{at}" for vm in spec["vms"] for at in vm["hosts"] if home.get(at) == switch]
    return {label: number + 1 for number, label in enumerate(labels)}


class SteadyTopo(Topo):
    """One Mininet topology from one topology file."""

    def build(self, name="two-dc"):
        spec = read_topology(name)
        home = home_of(spec)
        ports = {s["name"]: ports_of(spec, s["name"]) for s in spec["switches"]}
        for switch in spec["switches"]:
            self.addSwitch(mn_name(switch["name"]), dpid=switch["dpid"])
        for link in spec["links"]:
            one, two = link["ends"]
            self.addLink(mn_name(one), mn_name(two), port1=ports[one][link["name"]], port2=ports[two][link["name"]])
        for host in spec["hosts"]:
            self.attach(mn_name(host["name"]), host, host["switch"], ports[host["switch"]][host["name"]])
        # A machine has one address and a place at each of its hypervisors; rules decide which of them is reached.
        for vm in spec["vms"]:
            for place in vm["hosts"]:
                at = home[place]
                self.attach(place_name(vm["name"], place), vm, at, ports[at][f"{vm['name']}@{place}"])

    def attach(self, name, who, switch, port):
        self.addHost(name, ip=f"{who['ip']}/24", mac=who["mac"])
        self.addLink(name, mn_name(switch), port1=0, port2=port)


topos = {"steady": SteadyTopo}


def mn_name(name):
    """Mininet makes interface names of these; the kernel allows 15 bytes."""
    return name.replace("-", "")


def place_name(vm, place):
    """A machine at one of its hosts; with the ending of an interface (-eth0) it must fit into the 15 bytes, too."""
    name = f"{mn_name(vm)}_{mn_name(place)}"
    return name if len(name) <= 10 else name.replace("_", "")


def shape(net, spec):
    """Puts the FIFO in front of each wide-area link, and the pacer of migrations at each uplink of a hypervisor switch."""
    role = {s["name"]: s["role"] for s in spec["switches"]}
    for link in spec["links"]:
        capacity = link.get("capacityBitsPerSecond")
        for end, other in (link["ends"], reversed(link["ends"])):
            port = net.get(mn_name(end)).intfs[ports_of(spec, end)[link["name"]]].name
            if link["kind"] != "local" and capacity is not None:
                # A class of htb holds as many packets as the port's transmit queue did when the class was made.
                subprocess.run(["ip", "link", "set", port, "txqueuelen", str(link.get("bufferPackets", 1000))], check=True)
                make_queues(port, {0: capacity})
            elif link["kind"] == "local" and role[end] == "hypervisor" and role[other] == "gateway":
                pace(port, capacity or LINE_BITS_PER_SECOND)


def make_queues(port, rates):
    """linux-htb of Open vSwitch; the rows carry a tag of ours. `rates`: queue to bits per second; queue 0 has the line's."""
    rows = [f"queues:{queue}=@q{queue}" for queue in rates]
    command = ["ovs-vsctl", "--timeout=10", "--", "set", "port", port, "qos=@qos",
               "--", "--id=@qos", "create", "qos", "type=linux-htb", f"other-config:max-rate={rates[0]}", ROW_TAG, *rows]
    for queue, rate in rates.items():
        command += ["--", f"--id=@q{queue}", "create", "queue", f"other-config:max-rate={rate}", ROW_TAG]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def pace(port, line):
    """The userspace datapath ignores set_queue: there it is the DSCP that brings a packet into class 1:(queue + 1)."""
    make_queues(port, {0: line, **{queue: MIGRATION_BITS_PER_SECOND for queue in UPLINK_QUEUES}})
    classes = [f"class htb 1:{queue + 1:x} " for queue in UPLINK_QUEUES]
    await_that(f"queues of {port}", lambda: has_all(subprocess.run(["tc", "class", "show", "dev", port], capture_output=True, text=True).stdout, classes))
    for queue, dscp in UPLINK_QUEUES.items():
        subprocess.run(["tc", "filter", "add", "dev", port, "parent", "1:", "protocol", "ip", "prio", "1", "u32",
                        "match", "ip", "tos", str(dscp << 2), "0xfc", "flowid", f"1:{queue + 1:x}"], check=True)


def has_all(text, lines):
    return all(line in text for line in lines)


def await_that(what, is_so, seconds=15):
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            sys.exit(f"{what}: not there after {seconds} s")
        time.sleep(0.05)


class Machines:
    """Stand-ins of the machines and the agents that move them, as processes inside the hosts; and the controller's file."""

    def __init__(self, net, spec, options):
        self.net, self.spec, self.directory = net, spec, options.directory
        self.node = shutil.which("node")
        self.processes = []
        if self.node is None or not os.path.isfile(os.path.join(PROGRAMS, "transfer-agent.js")):
            sys.exit(f"--machines needs Node and {os.path.relpath(PROGRAMS)}. Run: npm ci")
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        # Whoever can write here could hand the controller another agent.
        if os.stat(self.directory).st_uid != os.geteuid():
            sys.exit(f"{self.directory} belongs to somebody else: choose another --directory")

    def start(self):
        sockets = {}
        for vm in self.spec["vms"]:
            for place in vm["hosts"]:
                sockets[vm["name"], place] = self.begin(
                    place_name(vm["name"], place), "vm-standin", f"{vm['name']}@{place}.sock", "--control",
                    "--place", place, "--address", vm["ip"], "--port", "5050", *([] if vm["at"] == place else ["--paused"]))
        agents = {}
        for host in self.spec["hosts"]:
            if host["role"] == "hypervisor":
                here = [f"--vm-socket={vm}={path}" for (vm, place), path in sockets.items() if place == host["name"]]
                agents[host["name"]] = self.begin(
                    mn_name(host["name"]), "transfer-agent", f"{host['name']}.agent.sock", "--listen",
                    "--host", host["name"], "--address", host["ip"], *here)
        return self.write_config(agents)

    def begin(self, host, program, name, flag, *arguments):
        path = os.path.join(self.directory, name)
        if os.path.exists(path):
            os.unlink(path)
        listen = f"unix:{path}" if program == "transfer-agent" else path
        # Mininet's own keyword arguments would make pipes that nobody reads.
        with open(os.path.join(self.directory, f"{name}.log"), "w", encoding="utf-8") as log:
            command = [self.node, os.path.join(PROGRAMS, f"{program}.js"), flag, listen, *arguments]
            self.processes.append(self.net.get(host).popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        await_that(f"{program} at {host} (see {path}.log)", lambda: accepts(path))
        return path

    def write_config(self, agents):
        database = os.path.join(os.environ.get("OVS_RUNDIR", "/var/run/openvswitch"), "db.sock")
        video = {t["udpPort"]: t["name"] for t in self.spec.get("traffic") or [] if t["kind"] == "video"}
        config = {
            "topology": "topology.yaml",
            "switches": [{"name": s["name"], "ovsdb": f"unix:{database}"} for s in self.spec["switches"]],
            "hypervisors": [{"host": host, "driver": "transfer", "endpoint": f"unix:{path}"} for host, path in agents.items()],
            "classes": [{"name": name, "udpPort": port, "dscp": 46, "delayPromiseMs": 60} for port, name in video.items()],
            "control": {"safeBitsPerSecond": MIGRATION_BITS_PER_SECOND},
        }
        # A copy: the controller may see this directory and nothing else of the machine, as in a container.
        shutil.copyfile(topology_path(self.spec["file"]), os.path.join(self.directory, "topology.yaml"))
        path = os.path.join(self.directory, "steady.yaml")
        with open(path, "w", encoding="utf-8") as file:
            # JSON is YAML.
            json.dump(config, file, indent=2)
        return path

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()


def accepts(path):
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(path)
            return True
        except OSError:
            return False


def forget_queues():
    """Rows of queues belong to no bridge and stay when the bridges go. The database itself refuses to lose rows in use."""
    for table in ("qos", "queue"):
        find = ["ovs-vsctl", "--timeout=10", "--bare", "--columns=_uuid", "find", table, ROW_TAG]
        for row in subprocess.run(find, capture_output=True, text=True).stdout.split():
            subprocess.run(["ovs-vsctl", "--timeout=10", "--if-exists", "destroy", table, row], capture_output=True)


def quiet_offloads(net):
    """Offloads hide packets from queues; the userspace datapath passes nothing of a TCP sender that has them on."""
    for node in net.hosts + net.switches:
        for port in node.intfList():
            if port.name != "lo":
                node.cmd(f"ethtool -K {port.name} tx off rx off tso off gso off gro off")


def smoke(net, spec):
    """True when hosts of different sites reach each other, which only the controller's rules make possible."""
    site = {s["name"]: s["site"] for s in spec["switches"]}
    first = next(iter(spec["hosts"]), None)
    far = next((h for h in spec["hosts"] if site[h["switch"]] != site[first["switch"]]), None)
    if far is None:
        print("smoke: this topology has no two hosts at different sites")
        return False
    for _ in range(30):
        if " 0% packet loss" in net.get(mn_name(first["name"])).cmd(f"ping -c 1 -W 1 {far['ip']}"):
            print(f"smoke: {first['name']} reaches {far['name']} through the controller's rules")
            return True
        time.sleep(1)
    print(f"smoke: {first['name']} does not reach {far['name']}: is the controller running with this topology?")
    return False


def address(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text} is not IP:PORT")
    return host, int(port)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topology", nargs="?", default="two-dc", help="a file, or the name of one beside this program (default: %(default)s)")
    parser.add_argument("--controller", default="127.0.0.1:6653", type=address, metavar="IP:PORT", help="default: %(default)s")
    parser.add_argument("--smoke", action="store_true", help="test that sites reach each other, then leave; exit code 1: they do not")
    parser.add_argument("--datapath", default="user", choices=("user", "kernel"), help="of Open vSwitch (default: %(default)s)")
    parser.add_argument("--machines", action="store_true", help="start stand-ins of the machines and agents that move them")
    parser.add_argument("--directory", help="of their sockets, logs and the controller's steady.yaml (default: /tmp/steady-mininet-TOPOLOGY)")
    options = parser.parse_args()
    name = os.path.splitext(os.path.basename(options.topology))[0]
    options.directory = os.path.realpath(options.directory or f"/tmp/steady-mininet-{name}")
    if os.geteuid() != 0:
        sys.exit("Mininet needs root.")
    if subprocess.run(["ovs-vsctl", "--timeout=5", "show"], capture_output=True).returncode != 0:
        sys.exit("Open vSwitch does not run. Start it: service openvswitch-switch start")
    spec = read_topology(options.topology)
    # One below `warning`: what commands of the command line answer is `output`.
    setLogLevel("output")
    return run(spec, options)


def settle(net):
    """Ends what a signal cut short: Mininet gives no command to a node that is still at one, and teardown needs commands."""
    for node in [*net.hosts, *net.switches, *net.controllers]:
        for _ in range(50):
            if not node.waiting:
                break
            node.sendInt()
            node.monitor(timeoutms=100)


def run(spec, options):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if any(link.get("oneWayDelayMs", 0) > 0 for link in spec["links"]):
        print("Links have no delay here; `steady testbed up` builds them with their delay.")
    net = Mininet(topo=SteadyTopo(options.topology), controller=None, build=False,
                  switch=lambda name, **kw: OVSSwitch(name, datapath=options.datapath, protocols="OpenFlow13", **kw))
    machines = None
    ip, port = options.controller
    net.addController("c0", controller=RemoteController, ip=ip, port=port)
    try:
        net.start()
        quiet_offloads(net)
        shape(net, spec)
        if options.smoke:
            return 0 if smoke(net, spec) else 1
        if options.machines:
            machines = Machines(net, spec, options)
            print(f"Start the controller with these machines: npm start -- --config {machines.start()}")
        CLI(net)
        return 0
    finally:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: None)
        if machines is not None:
            machines.stop()
        settle(net)
        net.stop()
        forget_queues()


if __name__ == "__main__":
    sys.exit(main())
