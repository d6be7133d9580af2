/** What every made topology is put together from; addresses are counted, so that no two are equal. */
export class Parts {
  sites = [];
  switches = [];
  links = [];
  hosts = [];
  vms = [];
  traffic = [];

  site(name) {
    this.sites.push({ name });
  }

  switch(name, site, role) {
    const dpid = (this.switches.length + 1).toString(16).padStart(16, '0');
    this.switches.push({ name, site, role, dpid });
  }

  local(name, from, to) {
    this.links.push({ name, kind: 'local', ends: [from, to], oneWayDelayMs: 0, bufferPackets: 1000 });
  }

  packet(name, from, to, capacityBitsPerSecond, oneWayDelayMs, more = {}) {
    const ends = [from, to];
    this.links.push({
      name,
      kind: 'packet',
      ends,
      capacityBitsPerSecond,
      oneWayDelayMs,
      bufferPackets: 1000,
      ...more,
    });
  }

  circuit(name, from, to, capacityBitsPerSecond, oneWayDelayMs) {
    const cost = { setupSeconds: 2, costPerSetup: 10, costPerSecond: 1 };
    const ends = [from, to];
    const kind = 'circuit';
    this.links.push({ name, kind, ends, capacityBitsPerSecond, oneWayDelayMs, bufferPackets: 1000, ...cost });
  }

  host(name, role, at) {
    const n = this.hosts.length + 1;
    this.hosts.push({ name, role, switch: at, mac: `02:00:00:00:00:${hex(n)}`, ip: `10.99.0.${n}` });
  }

  vm(name, hosts, memoryBytes) {
    const n = this.vms.length + 1;
    this.vms.push({
      name,
      mac: `02:00:00:00:01:${hex(n)}`,
      ip: `10.99.0.${100 + n}`,
      hosts,
      at: hosts[0],
      memoryBytes,
      dirtyBytesPerSecond: 250_000,
      workingSetBytes: 8_000_000,
    });
  }

  video(name, from, to, baseBitsPerSecond) {
    this.traffic.push({
      name,
      kind: 'video',
      from,
      to,
      udpPort: 5004,
      framesPerSecond: 25,
      baseBitsPerSecond,
      burstBitsPerSecond: 3 * baseBitsPerSecond,
      burstProbability: 0.25,
      packetBytes: 1400,
    });
  }

  background(name, from, to, udpPort, maxBitsPerSecond) {
    this.traffic.push({
      name,
      kind: 'background',
      from,
      to,
      udpPort,
      minBitsPerSecond: maxBitsPerSecond / 8,
      maxBitsPerSecond,
      changeSeconds: 1,
      packetBytes: 1200,
    });
  }

  topology(name, description) {
    const { sites, switches, links, hosts, vms, traffic } = this;
    return { name, description, sites, switches, links, hosts, vms, traffic };
  }
}

const hex = (n) => n.toString(16).padStart(2, '0');
