import { Parts } from './parts.js';

const arity = 4;
const half = arity / 2;
const range = (n) => Array.from({ length: n }, (_, i) => i + 1);

/**
 * A fat tree of 4-port switches (Al-Fares, Loukissas, Vahdat, SIGCOMM 2008): 4 cores, 4 pods of 2 aggregation and 2 edge switches. The gateway
 * hangs on all cores. Core c joins the aggregation switch number ceil(c / 2) of every pod.
 */
export function fatTree() {
  const parts = new Parts();
  parts.site('dc');
  parts.site('far');
  parts.switch('gw-dc', 'dc', 'gateway');
  for (const c of range(half * half)) parts.switch(`c${c}`, 'dc', 'hypervisor');
  for (const pod of range(arity)) {
    for (const i of range(half)) parts.switch(`a${pod}${i}`, 'dc', 'hypervisor');
    for (const i of range(half)) parts.switch(`e${pod}${i}`, 'dc', 'hypervisor');
  }
  parts.switch('gw-far', 'far', 'gateway');
  parts.switch('hv-far', 'far', 'hypervisor');

  parts.packet('wan', 'gw-dc', 'gw-far', 50_000_000, 20);
  parts.circuit('circuit', 'gw-dc', 'gw-far', 100_000_000, 15);
  for (const c of range(half * half)) parts.local(`g-c${c}`, 'gw-dc', `c${c}`);
  for (const pod of range(arity)) {
    for (const c of range(half * half))
      parts.local(`c${c}-p${pod}`, `c${c}`, `a${pod}${Math.ceil(c / half)}`);
    for (const a of range(half))
      for (const e of range(half)) parts.local(`p${pod}-a${a}e${e}`, `a${pod}${a}`, `e${pod}${e}`);
  }
  parts.local('up-far', 'hv-far', 'gw-far');

  for (const pod of range(arity))
    for (const e of range(half)) parts.host(`h${pod}${e}`, 'hypervisor', `e${pod}${e}`);
  parts.host('hyp-far', 'hypervisor', 'hv-far');
  parts.host('src-dc', 'source', 'gw-dc');
  parts.host('src-e42', 'source', 'e42');
  parts.host('user-far', 'user', 'gw-far');
  parts.host('user-e12', 'user', 'e12');
  parts.vm('vm1', ['h11', 'h31', 'hyp-far'], 150_000_000);
  parts.vm('vm2', ['h22', 'hyp-far'], 150_000_000);
  parts.vm('vm3', ['h41', 'h12'], 150_000_000);
  parts.video('video', 'src-dc', 'user-far', 6_000_000);
  parts.background('inside', 'src-e42', 'user-e12', 5005, 20_000_000);
  return {
    topology: parts.topology(
      'fat-tree-4',
      'A data centre with a fat tree of 4-port switches (20 of them) behind one gateway, and a small second site over a ' +
        'wide-area link. Between the edge switches of different pods there are four ways of equal length. One ' +
        'hypervisor hangs on each edge switch, half of what the tree has room for.',
    ),
    about: [
      'Made by tools/make-topologies.js; change it there.',
      'The tree is that of Al-Fares, Loukissas and Vahdat (A Scalable, Commodity Data Center Network Architecture,',
      'SIGCOMM 2008) with k = 4. The schema knows gateways and hypervisor switches; cores and aggregation switches are of the second kind.',
    ],
  };
}
