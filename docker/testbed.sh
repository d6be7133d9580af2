#!/bin/sh
# Inside the testbed's image: Open vSwitch, then the topology in Mininet with its machines. Arguments go to topologies/mininet.py.
set -eu
directory=/run/steady
case ${DATAPATH:-netdev} in
  netdev) datapath=user ;;
  system) datapath=kernel ;;
  *) echo "testbed: DATAPATH is netdev or system, not $DATAPATH" >&2; exit 2 ;;
esac
[ -c /dev/net/tun ] || { echo "testbed: no /dev/net/tun. Run with: --device /dev/net/tun --cap-add NET_ADMIN --cap-add SYS_ADMIN" >&2; exit 1; }
ip link add steadycheck type dummy 2>/dev/null || ip link add steadycheck type veth peer name steadycheck2 2>/dev/null ||
  { echo "testbed: no interface may be made. Run with: --cap-add NET_ADMIN --cap-add SYS_ADMIN" >&2; exit 1; }
ip link del steadycheck

# What a container that was killed left behind is not true any more; the health check waits for the new one.
rm -f "$directory/steady.yaml"
export OVS_RUNDIR="$directory/openvswitch"
rm -rf "$OVS_RUNDIR"
mkdir -p "$OVS_RUNDIR"
database=$OVS_RUNDIR/conf.db
ovsdb-tool create "$database" /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server "$database" --remote="punix:$OVS_RUNDIR/db.sock" --detach --no-chdir --pidfile --log-file="$OVS_RUNDIR/ovsdb-server.log"
ovs-vsctl --no-wait init
ovs-vswitchd "unix:$OVS_RUNDIR/db.sock" --detach --no-chdir --pidfile --log-file="$OVS_RUNDIR/ovs-vswitchd.log"

exec /usr/bin/python3 /opt/steady/topologies/mininet.py "${TOPOLOGY:-two-dc}" --machines --datapath "$datapath" --directory "$directory" "$@"
