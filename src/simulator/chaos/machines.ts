/** Where each virtual machine really runs: at no host while it is stopped, and never at two. */
export class Machines {
  private readonly running = new Map<string, Set<string>>();
  /** the host that ran it last */
  private readonly last = new Map<string, string>();
  private readonly onChange: (vm: string) => void;

  constructor(
    vms: readonly { readonly name: string; readonly at: string }[],
    onChange: (vm: string) => void,
  ) {
    this.onChange = onChange;
    for (const { name, at } of vms) {
      this.running.set(name, new Set([at]));
      this.last.set(name, at);
    }
  }

  hosts(vm: string): ReadonlySet<string> {
    return this.running.get(vm)!;
  }

  lastHost(vm: string): string {
    return this.last.get(vm)!;
  }

  run(vm: string, host: string): void {
    this.running.get(vm)!.add(host);
    this.last.set(vm, host);
    this.onChange(vm);
  }

  stop(vm: string, host: string): void {
    this.running.get(vm)!.delete(host);
    this.onChange(vm);
  }
}
