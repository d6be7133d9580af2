#!/usr/bin/python3
"""Builds a topology file in Mininet, for a Steady controller (or any other) to attach to.

    sudo topologies/mininet.py two-dc                    # command line of Mininet, controller on 127.0.0.1:6653
    sudo topologies/mininet.py two-dc --smoke            # ping across the wide-area link through the controller's rules, then leave
    sudo mn --custom topologies/mininet.py --topo steady,two-dc \\
            --controller remote,ip=127.0.0.1,port=6653 --switch ovs,datapath=user,protocols=OpenFlow13

The port numbers are those of `portsOf` in src/network/topology.ts: links, hosts and VM attachments in file order.
Needs the Debian packages mininet, openvswitch-switch and python3-yaml, the Python of the distribution, and root.
"""

import argparse
import os
import subprocess
import sys
import time

try:
    import yaml
    from mininet.cli import CLI
    from mininet.log import setLogLevel
    from mininet.net import Mininet
    from mininet.node import OVSSwitch, RemoteController
    from mininet.topo import Topo
except ImportError as missing:
    sys.exit(f"{missing}. Run: apt-get install -y mininet openvswitch-switch python3-yaml, and use /usr/bin/python3.")

FOLDER = os.path.dirname(os.path.realpath(__file__))
PACKET_BYTES = 1500


def read_topology(name):
    """`name` is a file, or the name of a file in this folder without its ending."""
    path = name if os.path.exists(name) else os.path.join(FOLDER, f"{name}.yaml")
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.safe_load(file)
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}. There are: {', '.join(sorted(f[:-5] for f in os.listdir(FOLDER) if f.endswith('.yaml')))}")


def ports_of(spec, switch):
    """Labels of the ports of one switch, in port-number order (1 first)."""
    labels = [link["name"] for link in spec["links"] for end in link["ends"] if end == switch]
    labels += [host["name"] for host in spec["hosts"] if host["switch"] == switch]
    home = {host["name"]: host["switch"] for host in spec["hosts"]}
    labels += [f"{vm['name']}@{at}" for vm in spec.get("vms") or [] for at in vm["hosts"] if home.get(at) == switch]
    return {label: number + 1 for number, label in enumerate(labels)}


class SteadyTopo(Topo):
    """One Mininet topology from one topology file."""

    def build(self, name="two-dc"):
        spec = read_topology(name)
        ports = {s["name"]: ports_of(spec, s["name"]) for s in spec["switches"]}
        for switch in spec["switches"]:
            self.addSwitch(mn_name(switch["name"]), dpid=switch["dpid"])
        for link in spec["links"]:
            one, two = link["ends"]
            self.addLink(mn_name(one), mn_name(two), port1=ports[one][link["name"]], port2=ports[two][link["name"]])
        home = {host["name"]: host["switch"] for host in spec["hosts"]}
        for host in spec["hosts"]:
            self.attach(mn_name(host["name"]), host, host["switch"], ports[host["switch"]][host["name"]])
        for vm in spec.get("vms") or []:
            for place in vm["hosts"]:
                at = home[place]
                self.attach(f"{mn_name(vm['name'])}_{mn_name(place)}", vm, at, ports[at][f"{vm['name']}@{place}"])

    def attach(self, name, who, switch, port):
        self.addHost(name, ip=f"{who['ip']}/24", mac=who["mac"])
        self.addLink(name, mn_name(switch), port1=0, port2=port)


topos = {"steady": SteadyTopo}


def mn_name(name):
    """Mininet makes interface names of these; the kernel allows 15 bytes."""
    return name.replace("-", "")


def netem_works():
    """`delay=` of Mininet's links says nothing when the kernel has no netem: ask the kernel."""
    name = f"stdy{os.getpid() % 10000}"
    subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p"], check=True)
    try:
        asked = subprocess.run(["tc", "qdisc", "add", "dev", name, "root", "netem", "delay", "1ms"], capture_output=True)
        return asked.returncode == 0
    finally:
        subprocess.run(["ip", "link", "del", name], check=True)


def shape(net, spec):
    """The FIFO in front of each wide-area link, as linux-htb of Open vSwitch; our rows carry our tag."""
    for link in spec["links"]:
        capacity = link.get("capacityBitsPerSecond")
        if capacity is None or link["kind"] == "local":
            continue
        for end in link["ends"]:
            switch = net.get(mn_name(end))
            port = switch.intfs[ports_of(spec, end)[link["name"]]].name
            subprocess.run(
                ["ovs-vsctl", "--", "set", "port", port, "qos=@q", "--", "--id=@q", "create", "qos", "type=linux-htb",
                 f"other-config:max-rate={capacity}", "external-ids:steady=mininet", "queues:0=@q0",
                 "--", "--id=@q0", "create", "queue", f"other-config:max-rate={capacity}", "external-ids:steady=mininet"],
                check=True, stdout=subprocess.DEVNULL)


def quiet_offloads(net):
    """Offloads hide packets from queues; the userspace datapath passes nothing of a TCP sender that has them on."""
    for node in net.hosts + net.switches:
        for port in node.intfList():
            if port.name != "lo":
                node.cmd(f"ethtool -K {port.name} tx off rx off tso off gso off gro off")


def smoke(net, spec):
    """True when hosts of different sites reach each other, which only the controller's rules make possible."""
    site = {s["name"]: s["site"] for s in spec["switches"]}
    first = spec["hosts"][0]
    far = next(h for h in spec["hosts"] if site[h["switch"]] != site[first["switch"]])
    for _ in range(30):
        answer = net.get(mn_name(first["name"])).cmd(f"ping -c 1 -W 1 {far['ip']}")
        if " 0% packet loss" in answer:
            print(f"smoke: {first['name']} reaches {far['name']} through the controller's rules")
            return True
        time.sleep(1)
    print(f"smoke: {first['name']} does not reach {far['name']}: is the controller running with this topology?")
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topology", nargs="?", default="two-dc")
    parser.add_argument("--controller", default="127.0.0.1:6653", help="IP:PORT")
    parser.add_argument("--smoke", action="store_true", help="test that sites reach each other, then leave")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("Mininet needs root.")
    if subprocess.run(["ovs-vsctl", "--timeout=5", "show"], capture_output=True).returncode != 0:
        sys.exit("Open vSwitch does not run. Start it: service openvswitch-switch start")
    setLogLevel("warning")
    spec = read_topology(options.topology)
    delayed = netem_works()
    if not delayed:
        print("This kernel has no netem: links have no delay. For delay use `steady testbed up`, which brings its own relay.")
    ip, port = options.controller.rsplit(":", 1)
    net = Mininet(topo=SteadyTopo(options.topology), controller=None, autoStaticArp=False,
                  switch=lambda name, **kw: OVSSwitch(name, datapath="user", protocols="OpenFlow13", failMode="secure", **kw))
    net.addController("c0", controller=RemoteController, ip=ip, port=int(port))
    try:
        net.start()
        quiet_offloads(net)
        shape(net, spec)
        for host in net.hosts:
            for who in spec["hosts"] + (spec.get("vms") or []):
                if who["ip"] != host.IP():
                    host.cmd(f"ip neigh replace {who['ip']} lladdr {who['mac']} dev {host.defaultIntf().name} nud permanent")
        if delayed:
            for link in spec["links"]:
                if link["kind"] == "packet" and link["oneWayDelayMs"] > 0:
                    print(f"{link['name']}: the delay of {link['oneWayDelayMs']} ms is not built (its ports carry the queues)")
        if options.smoke:
            return 0 if smoke(net, spec) else 1
        CLI(net)
        return 0
    finally:
        net.stop()


if __name__ == "__main__":
    sys.exit(main())
