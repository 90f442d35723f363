/* SPDX-License-Identifier: BSD-2-Clause */
/* A host on which the sample guest lives well: each test breaks one thing. */
#ifndef HF_TEST_PREFLIGHT_SAMPLE_H
#define HF_TEST_PREFLIGHT_SAMPLE_H

#include "guest_needs.h"
#include "host_caps.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char sample_caps[] =
    "{'schema': 1, 'host': 'beta', 'holdfast': '0.1.0', 'container': {'reads': 1, 'writes': 1},"
    " 'qemu': [{'program': '/usr/bin/qemu-system-x86_64', 'arch': 'x86_64', 'version': '10.0.13', 'smm': true,"
    "           'machines': [{'name': 'pc-q35-10.0', 'alias': 'q35', 'deprecated': false},"
    "                        {'name': 'pc-q35-7.2', 'deprecated': false}],"
    "           'accelerators': ['tcg'], 'devices': ['ivshmem-plain', 'ich9-ahci'], 'block-drivers': ['nbd']},"
    "          {'program': '/opt/qemu-7.2', 'arch': 'x86_64', 'version': '7.2.22', 'smm': true,"
    "           'machines': [{'name': 'pc-q35-7.2', 'alias': 'q35', 'deprecated': true}],"
    "           'accelerators': ['tcg'], 'devices': [], 'block-drivers': ['nbd']}],"
    " 'nbdkit': '1.32.5', 'swtpm': true,"
    " 'firmware': [{'name': 'ovmf', 'arch': 'x86_64', 'digest': '" DIGEST_B "', 'size': 3653632, 'vars-size': 540672}],"
    " 'roms': [{'name': 'vgabios-stdvga.bin', 'size': 39936, 'digest': '" DIGEST_B "'}],"
    " 'domains': [{'name': 'acpi-loader', 'version': 1, 'bits': '3'}],"
    " 'epochs': [{'id': 'feed', 'epoch': 7, 'departed': true}],"
    " 'free-bytes': 1000000000}";

/* Single quotes stand for double ones. */
static inline json_t *json_of(const char *text)
{
    char *copy = strdup(text);
    json_t *json;

    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    json = json_loads(copy, 0, NULL);
    free(copy);
    return json;
}

static inline struct hf_guest_needs sample_guest(void)
{
    return (struct hf_guest_needs){
        .name = "vm",
        .id = "feed",
        .format = 1,
        .bytes = 10 << 20,
        .owner = HF_OWNER_HELD,
        .owner_host = "alpha",
        .epoch = 9,
        .running = true,
        .policy = HF_POLICY_GUEST,
        .arch = "x86_64",
        .machine = "pc-q35-7.2",
        .resolved = "pc-q35-7.2",
        .pinned = true,
        .vmm = {7, 2, 22},
        .code_digest = DIGEST_A,
        .kind = "ovmf",
        .firmware = "ovmf",
        .code_size = 3653632,
        .vars_size = 540672,
        .tpm_state_moves = true,
        .devices = "virtio-blk-pci ich9-ahci ich9-ahci/drive ide-cd ",
    };
}

#endif
