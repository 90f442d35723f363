/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual machine. A reset throws it away and makes a new one around the same RAM: nothing of the CPU or of the
 * kernel's interrupt controllers can be forgotten that way. The guest's firmware is the machine's own ROM; it is put
 * below 1 MiB again, as hardware would decode it there.
 */
#include "pc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int add_memory(struct pc *pc, uint32_t slot, uint64_t at, void *bytes, size_t size, uint32_t flags)
{
    struct kvm_userspace_memory_region r = {.slot = slot,
                                            .flags = flags,
                                            .guest_phys_addr = at,
                                            .memory_size = size,
                                            .userspace_addr = (uint64_t)(uintptr_t)bytes};

    return ioctl(pc->vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static int give_cpuid(struct pc *pc)
{
    const uint32_t room = 256;
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + room * sizeof cpuid->entries[0]);
    int r;

    if (!cpuid)
        return -1;
    cpuid->nent = room;
    r = ioctl(pc->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
    if (r == 0)
        r = ioctl(pc->cpu, KVM_SET_CPUID2, cpuid);
    free(cpuid);
    return r;
}

int pc_power(struct pc *pc, struct hf_error *err)
{
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    uint64_t identity = 0xfeffc000;
    size_t low = pc->rom_size < 0x20000 ? pc->rom_size : 0x20000;

    memcpy(pc->ram + 0x100000 - low, pc->rom + pc->rom_size - low, low);
    pc->vm = ioctl(pc->kvm, KVM_CREATE_VM, 0);
    if (pc->vm < 0 || ioctl(pc->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
        ioctl(pc->vm, KVM_SET_TSS_ADDR, 0xfeffd000) < 0 || ioctl(pc->vm, KVM_CREATE_IRQCHIP, 0) < 0 ||
        ioctl(pc->vm, KVM_CREATE_PIT2, &pit) < 0 || add_memory(pc, 0, 0, pc->ram, RAM_SIZE, 0) < 0 ||
        add_memory(pc, 1, 0x100000000 - pc->rom_size, pc->rom, pc->rom_size, KVM_MEM_READONLY) < 0)
        return hf_error_set(err, HF_EIO, "KVM: no virtual machine: %s", strerror(errno));
    pc->cpu = ioctl(pc->vm, KVM_CREATE_VCPU, 0);
    if (pc->cpu < 0 || give_cpuid(pc) < 0)
        return hf_error_set(err, HF_EIO, "KVM: no CPU: %s", strerror(errno));
    return 0;
}

void pc_unpower(struct pc *pc)
{
    close(pc->cpu);
    close(pc->vm);
}

static void port_exit(struct pc *pc, struct kvm_run *run)
{
    uint8_t *bytes = (uint8_t *)run + run->io.data_offset;

    for (uint32_t i = 0; i < run->io.count; i++, bytes += run->io.size)
        pc_port(pc, run->io.port, run->io.direction == KVM_EXIT_IO_OUT, bytes, run->io.size);
}

static enum pc_stop run_cpu(struct pc *pc, struct kvm_run *run, const volatile bool *stop, struct hf_error *err)
{
    while (!*stop) {
        if (ioctl(pc->cpu, KVM_RUN, 0) < 0) {
            if (errno == EINTR || errno == EAGAIN)
                continue;
            hf_error_set(err, HF_EIO, "KVM: the CPU does not run: %s", strerror(errno));
            return PC_FAILED;
        }
        switch (run->exit_reason) {
        case KVM_EXIT_IO:
            port_exit(pc, run);
            if (pc->reset_asked)
                return PC_RESET;
            break;
        case KVM_EXIT_MMIO:
            if (!run->mmio.is_write)
                memset(run->mmio.data, 0xff, sizeof run->mmio.data);
            break;
        case KVM_EXIT_SHUTDOWN: /* a triple fault */
            return PC_RESET;
        default:
            hf_error_set(err, HF_EIO, "KVM: exit %u is none that this machine knows", run->exit_reason);
            return PC_FAILED;
        }
    }
    return PC_INTERRUPTED;
}

enum pc_stop pc_run(struct pc *pc, const volatile bool *stop, struct hf_error *err)
{
    long size = ioctl(pc->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, pc->cpu, 0);
    enum pc_stop why;

    if (run == MAP_FAILED) {
        hf_error_set(err, HF_EIO, "KVM: the CPU's page cannot be mapped: %s", strerror(errno));
        return PC_FAILED;
    }
    why = run_cpu(pc, run, stop, err);
    munmap(run, (size_t)size);
    return why;
}
