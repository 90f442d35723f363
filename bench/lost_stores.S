/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for lost_stores.py: a boot sector that counts in one page after the other, at random, and keeps beside each
 * count a second one in a table. A page of which an older state came back no longer agrees with the table: the serial
 * port then gets "L" and the page's number.
 *
 * COUNT: pages, a power of two. PAUSE: turns of an empty loop between two counts. FLUSH: counts between two loads of cr3, which empty the TLB as an
 * operating system's changes of address space do; 0: none.
 */
        .set TABLE, 0x200000
        .set PAGES, 0x400000
        .set DIRECTORY, 0x10000

        .code16
        .globl _start
_start: cli
        xorw %ax, %ax
        movw %ax, %ds
        inb $0x92, %al
        orb $2, %al
        outb %al, $0x92
        lgdtl gdtr
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $flat

        .code32
flat:   movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x7c00, %esp
        movl $DIRECTORY, %edi           /* 4 MiB pages, each at its own address */
        movl $0x83, %eax
1:      movl %eax, (%edi)
        addl $4, %edi
        addl $0x400000, %eax
        jnc 1b
        movl $DIRECTORY, %eax
        movl %eax, %cr3
        movl %cr4, %eax
        orl $0x10, %eax
        movl %eax, %cr4
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        xorl %eax, %eax                 /* every page is in use before the first move */
        movl $PAGES, %edi
1:      movl $1, (%edi)
        movl $1, TABLE(, %eax, 4)
        addl $0x1000, %edi
        incl %eax
        cmpl $COUNT, %eax
        jb 1b
        movl $1, %ebx
        movl $FLUSH, %ebp

next:   imull $1103515245, %ebx
        addl $12345, %ebx
        movl %ebx, %eax
        shrl $12, %eax
        andl $COUNT - 1, %eax
        movl %eax, %edi
        shll $12, %edi
        addl $PAGES, %edi
        leal TABLE(, %eax, 4), %esi
        movl (%edi), %ecx
        cmpl (%esi), %ecx
        jne lost
count:  incl %ecx
        movl %ecx, (%esi)
        movl %ecx, (%edi)
        movl $PAUSE, %edx
1:      decl %edx
        jnz 1b
        .if FLUSH
        decl %ebp
        jnz next
        movl $FLUSH, %ebp
        movl %cr3, %eax
        movl %eax, %cr3
        .endif
        jmp next

lost:   pushl %eax
        movb $'L', %al
        call say
        movl $28, %ecx
2:      movl (%esp), %eax
        shrl %cl, %eax
        andl $15, %eax
        addb $'0', %al
        cmpb $'9', %al
        jbe 3f
        addb $39, %al
3:      call say
        subl $4, %ecx
        jns 2b
        movb $'\n', %al
        call say
        popl %eax
        leal TABLE(, %eax, 4), %esi
        movl (%edi), %ecx
        cmpl (%esi), %ecx               /* go on from the newer of the two */
        jae count
        movl (%esi), %ecx
        jmp count

say:    pushl %edx
        movw $0x3f8, %dx
        outb %al, %dx
        popl %edx
        ret

        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word gdtr - gdt - 1
        .long gdt
        .org 510
        .word 0xaa55
