# A guest of one sector: switches to 32-bit protected mode, fills its memory with noise, then writes to one page after the other and
# counts. Assemble: as --32, ld -m elf_i386 -Ttext 0x7c00 --oformat binary -e _start. dirty-guest.ts holds the bytes.
.code16
.globl _start
_start:
  cli
  xor %ax,%ax
  mov %ax,%ds
  lgdt gdtdesc
  in $0x92,%al
  or $2,%al
  out %al,$0x92
  mov %cr0,%eax
  or $1,%al
  mov %eax,%cr0
  ljmp $8,$pm
.code32
pm:
  mov $16,%ax
  mov %ax,%ds
  mov %ax,%es
  mov %ax,%ss
  mov $0x7000,%esp
  # fill the working area with noise once, so that pages are not zero
  mov first,%edi
  mov last,%ecx
  mov $0x12345678,%eax
fill:
  mov %eax,%edx
  shl $13,%edx
  xor %edx,%eax
  mov %eax,%edx
  shr $17,%edx
  xor %edx,%eax
  mov %eax,%edx
  shl $5,%edx
  xor %edx,%eax
  mov %eax,(%edi)
  add $4,%edi
  cmp %ecx,%edi
  jb fill
  # one page after the other, a pause of so many ticks after each
sweep:
  mov first,%edi
page:
  incl (%edi)
  incl counter
  rdtsc
  mov %eax,%esi
pausing:
  pause
  rdtsc
  sub %esi,%eax
  cmp ticks,%eax
  jb pausing
  add $4096,%edi
  cmp dirtyend,%edi
  jb page
  jmp sweep
.align 4
gdt: .quad 0
 .quad 0x00cf9a000000ffff
 .quad 0x00cf92000000ffff
gdtdesc: .word 23
 .long gdt
.org 480
counter: .long 0      # 0x7de0
first: .long 0x00200000
last: .long 0x02000000
dirtyend: .long 0x00a00000
ticks: .long 2000000
.org 510
.word 0xaa55
