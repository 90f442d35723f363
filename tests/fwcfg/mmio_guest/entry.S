/* SPDX-License-Identifier: BSD-2-Clause */
    .section .entry, "ax"
    .globl _start
_start:
    ldr x0, =stack_top
    mov sp, x0
    bl guest_main
    ldr x0, =0x84000008         /* PSCI SYSTEM_OFF */
    hvc #0
1:  wfi
    b 1b

    .section .bss
    .balign 16
    .skip 16384
stack_top:
