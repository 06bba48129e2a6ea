# What an x86-64 kernel does at its start, as the firmware of a virtual machine: real mode, protected mode, long mode with
# paging, model-specific registers, exceptions, page faults, vector and BMI2 instructions, user mode and back, and a loop
# that takes milliseconds where the processor executes it. Writes to the port of QEMU's isa-debug-exit: kPassed at the end,
# or the number of the step in which something unexpected happened. accelerator.cpp puts it at the reset vector.
#
# It is position dependent: ROM is what is executed first, at the top of the first 4 GiB, and RAM where it copies itself.
# Reference: AMD64 Architecture Programmer's Manual, volume 2, "Initializing the Processor and Entering Long Mode".

#if defined(__APPLE__)
    .section __TEXT,__const
#define SYMBOL(name) _##name
#else
    .section .rodata
#define SYMBOL(name) name
#endif

    .set ROM, 0xffff0000
    .set RAM, 0x10000
    .set PAGE_TABLES, 0x20000          # three pages: 1 GiB in pages of 2 MiB, open to user mode
    .set INTERRUPTS, 0x30000           # the descriptor table
    .set STACK, 0x40000
    .set USER_STACK, 0x48000
    .set UNMAPPED, 0x40000000
    .set EXIT_PORT, 0xf4
    .set PASSED, 0x2a

    .set CODE32, 8
    .set DATA, 16
    .set CODE64, 24
    .set USER_DATA, 32 + 3             # in the order that SYSRET wants
    .set USER_CODE, 40 + 3

    .globl SYMBOL(hesper_self_test_begin)
    .globl SYMBOL(hesper_self_test_end)
    .balign 16
SYMBOL(hesper_self_test_begin):
begin:
    .code16
    cli
    lgdtl %cs:(gdt_pointer - begin)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $CODE32, $(ROM + protected_mode - begin)

    .code32
protected_mode:
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $STACK, %esp
    cld
    movl $ROM, %esi
    movl $RAM, %edi
    movl $(end - begin), %ecx
    rep movsb
    ljmpl $CODE32, $(RAM + in_ram - begin)

in_ram:
    lgdt RAM + gdt_pointer_in_ram - begin   # ROM will not be mapped
    xorl %eax, %eax
    movl $PAGE_TABLES, %edi
    movl $(3 * 4096 / 4), %ecx
    rep stosl
    movl $(PAGE_TABLES + 0x1007), PAGE_TABLES
    movl $(PAGE_TABLES + 0x2007), PAGE_TABLES + 0x1000
    movl $(PAGE_TABLES + 0x2000), %edi
    movl $0x87, %eax                   # present, writable, user, 2 MiB
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    cmpl $(PAGE_TABLES + 0x3000), %edi
    jb 1b

    movl $0x6a0, %eax                  # PAE, PGE, OSFXSR, OSXMMEXCPT
    movl %eax, %cr4
    movl $PAGE_TABLES, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx             # EFER: LME, SCE
    rdmsr
    orl $0x101, %eax
    wrmsr
    movl $0x80010033, %eax             # PG, WP, NE, ET, MP, PE
    movl %eax, %cr0
    ljmpl $CODE64, $(RAM + long_mode - begin)

    .code64
long_mode:
    xorl %eax, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw $DATA, %ax
    movw %ax, %ss
    movl $STACK, %esp

    movl $1, %ebx                      # the step; r12: where an exception goes on, r13: which one is expected
    xorl %r12d, %r12d
    movl $INTERRUPTS, %edi
    xorl %ecx, %ecx
2:  movl %ecx, %eax                    # every entry has eight bytes of code
    leal RAM + entries - begin(, %rax, 8), %eax
    movw %ax, (%rdi)
    movw $CODE64, 2(%rdi)
    movw $0x8e00, 4(%rdi)
    shrl $16, %eax
    movw %ax, 6(%rdi)
    movq $0, 8(%rdi)
    addl $16, %edi
    incl %ecx
    cmpl $32, %ecx
    jb 2b
    lidt RAM + idt_pointer - begin

    movl $2, %ebx                      # exceptions
    movl $(RAM + after_breakpoint - begin), %r12d
    movl $3, %r13d
    int3
after_breakpoint:
    movl $3, %ebx
    movl $(RAM + after_undefined - begin), %r12d
    movl $6, %r13d
    ud2
after_undefined:
    movl $4, %ebx
    movl $(RAM + after_fault - begin), %r12d
    movl $14, %r13d
    movl $UNMAPPED, %eax
    movq %rax, (%rax)
    jmp failed
after_fault:
    movl $UNMAPPED, %eax
    movq %cr2, %rcx
    cmpq %rax, %rcx
    jne failed
    xorl %r12d, %r12d

    movl $5, %ebx                      # registers of the system
    movl $0xc0000101, %ecx             # GS base
    movl $0x12345678, %eax
    xorl %edx, %edx
    wrmsr
    swapgs
    swapgs
    rdmsr
    cmpl $0x12345678, %eax
    jne failed
    movq %cr3, %rax
    movq %rax, %cr3
    invlpg RAM
    wbinvd

    movl $6, %ebx                      # vectors
    movaps %xmm0, STACK
    pxor %xmm1, %xmm1
    paddq %xmm1, %xmm0
    movl $1, %eax
    cpuid
    movl $0x18000000, %edx             # AVX, OSXSAVE once it is on; XSAVE is bit 26
    testl $0x04000000, %ecx
    jz no_avx
    testl $0x10000000, %ecx
    jz no_avx
    movq %cr4, %rax
    orl $0x40000, %eax
    movq %rax, %cr4
    xorl %ecx, %ecx
    xgetbv
    orl $7, %eax
    xsetbv
    vpxor %xmm0, %xmm0, %xmm0
    vaddps %ymm0, %ymm0, %ymm1
no_avx:
    movl $7, %ebx                      # BMI2, which the kernel's decompressor uses
    movl %ebx, %ebp
    xorl %eax, %eax
    cpuid
    movl %ebp, %ebx
    cmpl $7, %eax
    jb no_bmi2
    movl $7, %eax
    xorl %ecx, %ecx
    cpuid
    movl %ebx, %eax
    movl %ebp, %ebx
    testl $0x100, %eax
    jz no_bmi2
    movl $3, %eax
    movl $1, %ecx
    shlxl %eax, %ecx, %edx
    cmpl $8, %edx
    jne failed
no_bmi2:

    movl $8, %ebx                      # user mode and back
    movl $0xc0000081, %ecx             # STAR
    xorl %eax, %eax
    movl $((USER_DATA - 8) << 16 | CODE64), %edx
    wrmsr
    movl $0xc0000082, %ecx             # LSTAR
    movl $(RAM + from_user - begin), %eax
    xorl %edx, %edx
    wrmsr
    movl $0xc0000084, %ecx             # SFMASK
    movl $0x200, %eax
    wrmsr
    pushq $USER_DATA
    pushq $USER_STACK
    pushq $2
    pushq $USER_CODE
    pushq $(RAM + user_mode - begin)
    iretq
user_mode:
    movl $1000, %ecx
3:  lock xaddl %ecx, USER_STACK
    decl %ecx
    jg 3b
    syscall
from_user:
    movl $STACK, %esp

    movl $9, %ebx                      # speed: a string and a loop
    movl $0x100000, %edi
    movl $(4 << 20 >> 3), %ecx
    xorl %eax, %eax
    rep stosq
    movl $20000000, %ecx
4:  addq %rcx, %rax
    decl %ecx
    jnz 4b
    movl $PASSED, %eax
    jmp leave

failed:
    movl %ebx, %eax
leave:
    outl %eax, $EXIT_PORT
5:  hlt
    jmp 5b

# An exception's number is that of its entry.
    .balign 8
entries:
    .set number, 0
    .rept 32
    pushq $number                      # two bytes
    jmp exception
    .balign 8
    .set number, number + 1
    .endr
exception:
    popq %rax
    cmpl %eax, %r13d
    jne failed
    testl %r12d, %r12d
    jz failed
    movl $STACK, %esp                  # an error code may be there or not
    movl %r12d, %eax
    xorl %r12d, %r12d
    jmpq *%rax

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff           # 32-bit code; all are accessed already, as ROM cannot note it
    .quad 0x00cf93000000ffff           # data
    .quad 0x00af9b000000ffff           # 64-bit code
    .quad 0x00cff3000000ffff           # user data
    .quad 0x00affb000000ffff           # user 64-bit code
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long ROM + gdt - begin
gdt_pointer_in_ram:
    .word gdt_pointer - gdt - 1
    .long RAM + gdt - begin
idt_pointer:
    .word 32 * 16 - 1
    .quad INTERRUPTS
end:
SYMBOL(hesper_self_test_end):
#if defined(__ELF__)
    .section .note.GNU-stack, "", @progbits
#endif
