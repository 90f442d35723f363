/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the reset vector to C: 16-bit code at the top of the address space, a flat GDT, protected mode, a stack in RAM.
 * Nothing is assumed of RAM but that 64 KiB from 0x8000 on are there.
 */
    .code16
    .section .reset, "ax"
    .globl reset_vector
reset_vector:                     /* ffff:fff0 */
    jmp start16

    .section .start16, "ax"
start16:
    cli
    movl $gdt_pointer, %ebx       /* CS base is still 0xffff0000: reach the table by its offset in the segment */
    subl $0xffff0000, %ebx
    lgdtl %cs:(%bx)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $start32

    .code32
start32:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $_stack_top, %esp
    movl $_bss_start, %edi        /* no variable has a value before main gives it one */
    movl $_bss_size, %ecx
    xorl %eax, %eax
    cld
    rep stosb
    call firmware_main
1:  hlt
    jmp 1b

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff      /* code, flat */
    .quad 0x00cf93000000ffff      /* data, flat */
gdt_pointer:
    .word . - gdt - 1
    .long gdt
    .section .note.GNU-stack, "", @progbits
