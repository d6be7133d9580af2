import { Parts } from './parts.js';

/** Degrees north and east, as the Internet Topology Zoo has them; the code is what names of ports are made from. */
const sites = {
  'new-york': { code: 'nyc', place: [40.71, -74.01] },
  chicago: { code: 'chi', place: [41.85, -87.65] },
  'washington-dc': { code: 'wdc', place: [38.9, -77.04] },
  seattle: { code: 'sea', place: [47.61, -122.33] },
  sunnyvale: { code: 'snv', place: [37.37, -122.04] },
  'los-angeles': { code: 'lax', place: [34.05, -118.24] },
  denver: { code: 'den', place: [39.74, -104.98] },
  'kansas-city': { code: 'kan', place: [39.11, -94.63] },
  houston: { code: 'hou', place: [29.76, -95.36] },
  atlanta: { code: 'atl', place: [33.75, -84.39] },
  indianapolis: { code: 'ind', place: [39.77, -86.16] },
};
const links = [
  ['new-york', 'chicago'],
  ['new-york', 'washington-dc'],
  ['chicago', 'indianapolis'],
  ['seattle', 'sunnyvale'],
  ['seattle', 'denver'],
  ['sunnyvale', 'los-angeles'],
  ['sunnyvale', 'denver'],
  ['los-angeles', 'houston'],
  ['denver', 'kansas-city'],
  ['kansas-city', 'houston'],
  ['kansas-city', 'indianapolis'],
  ['houston', 'atlanta'],
  ['atlanta', 'washington-dc'],
  ['indianapolis', 'atlanta'],
];
const circuits = [
  ['new-york', 'los-angeles'],
  ['seattle', 'atlanta'],
];
const oc192BitsPerSecond = 9_953_280_000;
const scale = 200;
const coreMtuBytes = 9000;
const fibreKilometresPerMs = 200;
const earthRadiusKilometres = 6371;

/** Great circle by the haversine formula. */
function kilometres([north1, east1], [north2, east2]) {
  const rad = Math.PI / 180;
  const h =
    Math.sin(((north2 - north1) * rad) / 2) ** 2 +
    Math.cos(north1 * rad) * Math.cos(north2 * rad) * Math.sin(((east2 - east1) * rad) / 2) ** 2;
  return 2 * earthRadiusKilometres * Math.asin(Math.sqrt(h));
}

const delayMs = (a, b) =>
  Math.round((kilometres(sites[a].place, sites[b].place) / fibreKilometresPerMs) * 100) / 100;

/** Abilene, the backbone of Internet2, as it was in 2005: the gateways of the sites are its nodes. */
export function abilene() {
  const parts = new Parts();
  for (const [name, { code }] of Object.entries(sites)) {
    parts.site(name);
    parts.switch(`gw-${code}`, name, 'gateway');
    parts.switch(`hv-${code}`, name, 'hypervisor');
  }
  const join = (kind, a, b, bitsPerSecond) =>
    parts[kind](
      `${sites[a].code}-${sites[b].code}`,
      `gw-${sites[a].code}`,
      `gw-${sites[b].code}`,
      bitsPerSecond,
      delayMs(a, b),
    );
  for (const [a, b] of links) join('packet', a, b, oc192BitsPerSecond / scale);
  for (const [a, b] of circuits) join('circuit', a, b, (2 * oc192BitsPerSecond) / scale);
  stations(parts);
  return {
    topology: parts.topology(
      'abilene',
      'Abilene, the backbone of Internet2, as of 2005: 11 sites, 14 links. Every site has a gateway and a hypervisor ' +
        'switch; 12 virtual machines may each live at three of them, and two circuits can be had across the country.',
    ),
    about: [
      'Made by tools/make-topologies.js; change it there.',
      'Sites, links and coordinates: Internet Topology Zoo (Knight, Nguyen, Falkner, Bowden, Roughan: The Internet',
      'Topology Zoo, IEEE JSAC 29(9), 2011). Delays: great circle at 200,000 km/s. Every link was OC-192 (9.95328 Gbit/s)',
      `and has 1/${scale} of that here, so that it can be simulated packet by packet; hosts, machines, traffic and circuits are ours.`,
    ],
  };
}

/** Hosts, machines and traffic: the same in both. */
function stations(parts) {
  for (const { code } of Object.values(sites)) parts.local(`up-${code}`, `hv-${code}`, `gw-${code}`);
  for (const { code } of Object.values(sites)) parts.host(`hyp-${code}`, 'hypervisor', `hv-${code}`);
  for (const code of ['nyc', 'wdc', 'hou', 'den']) parts.host(`src-${code}`, 'source', `gw-${code}`);
  for (const code of ['sea', 'lax', 'atl', 'chi']) parts.host(`user-${code}`, 'user', `gw-${code}`);
  const places = [
    ['nyc', 'lax', 'chi'],
    ['sea', 'atl', 'den'],
    ['wdc', 'snv', 'hou'],
    ['lax', 'nyc', 'kan'],
    ['atl', 'sea', 'ind'],
    ['chi', 'hou', 'snv'],
    ['den', 'wdc', 'lax'],
    ['kan', 'nyc', 'sea'],
    ['hou', 'chi', 'atl'],
    ['snv', 'wdc', 'nyc'],
    ['ind', 'den', 'hou'],
    ['nyc', 'kan', 'snv'],
  ];
  places.forEach((codes, i) => {
    const hosts = codes.map((code) => `hyp-${code}`);
    parts.vm(`vm${i + 1}`, hosts, 150_000_000);
  });
  parts.video('video-east', 'src-nyc', 'user-atl', 4_000_000);
  parts.video('video-west', 'src-wdc', 'user-sea', 3_000_000);
  parts.background('cross-south', 'src-hou', 'user-chi', 5005, 16_000_000);
  parts.background('cross-north', 'src-den', 'user-lax', 5006, 16_000_000);
}

/** The same with the backbone's own nodes: a core switch in every place, and the gateway of the site there hangs on it. */
export function abileneCore() {
  const parts = new Parts();
  for (const [name, { code }] of Object.entries(sites)) {
    parts.site(name);
    parts.switch(`gw-${code}`, name, 'gateway');
    parts.switch(`hv-${code}`, name, 'hypervisor');
  }
  for (const { code } of Object.values(sites)) {
    parts.site(`pop-${code}`);
    parts.switch(`co-${code}`, `pop-${code}`, 'core');
  }
  const mtu = { mtuBytes: coreMtuBytes };
  for (const [a, b] of links) {
    const [from, to] = [sites[a].code, sites[b].code];
    parts.packet(`${from}-${to}`, `co-${from}`, `co-${to}`, oc192BitsPerSecond / scale, delayMs(a, b), mtu);
  }
  for (const { code } of Object.values(sites))
    parts.packet(`ac-${code}`, `gw-${code}`, `co-${code}`, (4 * oc192BitsPerSecond) / scale, 0.1, mtu);
  stations(parts);
  return {
    topology: parts.topology(
      'abilene-core',
      'Abilene with its own nodes: 11 core switches that forward by label, joined by its 14 links, and at each the gateway of ' +
        'a site, four times as fast. Hosts, machines and traffic are those of abilene.yaml.',
    ),
    about: [
      'Made by tools/make-topologies.js; change it there.',
      'The network of abilene.yaml (its sources are named there). That its links carry packets of 9000 bytes, and so have room for',
      'labels, is ours, as are the links between gateways and cores.',
    ],
  };
}
