# From QEMU's PVH entry (32-bit protected mode without paging; Xen, "x86/HVM direct boot ABI") to 64-bit code: the first
# 4 GiB are mapped where they are.
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18                     # sizes of name and address; XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad start

    .section .text.start, "ax"
    .code32
    .globl start
start:
    cli
    cld
    movl $stack_end, %esp
    movl $page_directories, %edi       # 2048 pages of 2 MiB
    movl $0x83, %eax                   # present, writable, large
    movl $2048, %ecx
1:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    movl $(page_directories + 3), %eax
    movl $page_directory_pointers, %edi
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $0x1000, %eax
    addl $8, %edi
    loop 2b
    movl $(page_directory_pointers + 3), page_map
    movl $0x20, %eax                   # PAE
    movl %eax, %cr4
    movl $page_map, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx             # EFER: LME
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl $0x80010033, %eax             # PG, WP, NE, ET, MP, PE
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $long_mode

    .code64
long_mode:
    movl $16, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $stack_end, %esp
    xorl %ebp, %ebp
    call play
3:  hlt
    jmp 3b

    .section .rodata
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff           # 64-bit code
    .quad 0x00cf93000000ffff           # data
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt

    .section .bss
    .balign 4096
    .globl page_map
page_map: .skip 4096
page_directory_pointers: .skip 4096
page_directories: .skip 4 * 4096
    .skip 16384
stack_end:
    .section .note.GNU-stack, "", @progbits
