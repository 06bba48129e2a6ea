// From where QEMU enters an ELF program on `virt` (EL1, MMU and caches off) to C++ with both on. Page tables are written
// here and not at run time, when stores would go past the caches that the table walker looks into: 1 TiB in blocks of
// 1 GiB, where they are; what is devices on this machine is mapped as such.
// Reference: Arm Architecture Reference Manual, "VMSAv8-64 translation table format descriptors".
    .section .text.start, "ax"
    .globl start
start:
    adrp x0, stack_end
    add x0, x0, :lo12:stack_end
    mov sp, x0
    ldr x0, =0xff04                    // attribute 0: Device-nGnRE; 1: Normal, write-back
    msr mair_el1, x0
    ldr x0, =0x0000000000803510        // 48 bits for TTBR0, 4 KiB granule, walks inner shareable and cached; no TTBR1
    mrs x1, id_aa64mmfr0_el1
    and x1, x1, #0xf
    cmp x1, #5                         // 48 bits of physical addresses, at most
    mov x2, #5
    csel x1, x1, x2, lo
    orr x0, x0, x1, lsl #32
    msr tcr_el1, x0
    adrp x0, level_0
    msr ttbr0_el1, x0
    tlbi vmalle1
    ic iallu
    dsb sy
    isb
    mrs x0, sctlr_el1
    ldr x1, =0x1005                    // I, C, M
    orr x0, x0, x1
    bic x0, x0, #2                     // no alignment faults
    msr sctlr_el1, x0
    isb
    bl play
1:  wfe
    b 1b

    .set DEVICE, 0x0060000000000401    // block, accessed, attribute 0, never executed
    .set MEMORY, 0x0060000000000705    // block, accessed, inner shareable, attribute 1, never executed
    .set CODE, 0x0000000000000705

    .section .data
    .balign 4096
level_0:
    .quad level_1 + 3
    .quad level_1_high + 3
    .fill 510, 8, 0
level_1:
    .set gib, 0
    .rept 512
    .if gib == 0 || gib == 256         // serial line and low PCI; high configuration space
    .quad DEVICE + (gib << 30)
    .elseif gib == 1
    .quad CODE + (gib << 30)
    .else
    .quad MEMORY + (gib << 30)
    .endif
    .set gib, gib + 1
    .endr
level_1_high:                          // high PCI: registers first, see place_for_bar()
    .rept 512
    .if gib == 512
    .quad DEVICE + (gib << 30)
    .else
    .quad MEMORY + (gib << 30)
    .endif
    .set gib, gib + 1
    .endr

    .section .bss
    .balign 16
    .skip 16384
stack_end:
    .section .note.GNU-stack, "", @progbits
