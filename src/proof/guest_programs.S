# The players (guest/), as the build has made them; of an architecture for which there was no compiler there is nothing.
#if defined(__APPLE__)
    .section __TEXT,__const
#define SYMBOL(name) _##name
#else
    .section .rodata
#define SYMBOL(name) name
#endif

    .globl SYMBOL(hesper_proof_guest_x86_64_begin)
    .globl SYMBOL(hesper_proof_guest_x86_64_end)
    .globl SYMBOL(hesper_proof_guest_aarch64_begin)
    .globl SYMBOL(hesper_proof_guest_aarch64_end)
    .balign 16
SYMBOL(hesper_proof_guest_x86_64_begin):
#if defined(HESPER_GUEST_X86_64)
    .incbin HESPER_GUEST_X86_64
#endif
SYMBOL(hesper_proof_guest_x86_64_end):
SYMBOL(hesper_proof_guest_aarch64_begin):
#if defined(HESPER_GUEST_AARCH64)
    .incbin HESPER_GUEST_AARCH64
#endif
SYMBOL(hesper_proof_guest_aarch64_end):
#if defined(__ELF__)
    .section .note.GNU-stack, "", @progbits
#endif
