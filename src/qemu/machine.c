/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define X86_FLASH_END  (UINT64_C(1) << 32)
#define X86_FLASH_MAX  (UINT64_C(8) << 20)
#define X86_FLASH_UNIT UINT64_C(4096)
#define VIRT_BANK_SIZE (UINT64_C(64) << 20)

static int check_x86(const struct hf_machine *m, struct hf_error *err)
{
    if (m->code_size == 0 || m->code_size % X86_FLASH_UNIT || m->vars_size % X86_FLASH_UNIT)
        return hf_error_refuse(
            err, "size", "%s: banks of %" PRIu64 " and %" PRIu64 " bytes; flash is made of %" PRIu64 "-byte pieces",
            m->type, m->code_size, m->vars_size, X86_FLASH_UNIT);
    if (m->code_size > X86_FLASH_MAX || m->vars_size > X86_FLASH_MAX - m->code_size)
        return hf_error_refuse(err, "size",
                               "%s: banks of %" PRIu64 " and %" PRIu64 " bytes; the machine maps at most %" PRIu64,
                               m->type, m->code_size, m->vars_size, X86_FLASH_MAX);
    return 0;
}

static int check_virt(const struct hf_machine *m, struct hf_error *err)
{
    if (m->code_size != VIRT_BANK_SIZE || (m->vars_size && m->vars_size != VIRT_BANK_SIZE))
        return hf_error_refuse(err, "size",
                               "%s: banks of %" PRIu64 " and %" PRIu64 " bytes; the machine's have %" PRIu64, m->type,
                               m->code_size, m->vars_size, VIRT_BANK_SIZE);
    return 0;
}

int hf_machine_check(const struct hf_machine *m, struct hf_error *err)
{
    enum hf_board board = hf_board_of(m->type);

    if (m->needs_smm && board != HF_BOARD_Q35)
        return hf_error_refuse(err, "smm", "machine type '%s': this firmware's Secure Boot needs SMM; use q35",
                               m->type);
    switch (board) {
    case HF_BOARD_PC:
    case HF_BOARD_Q35:
        return check_x86(m, err);
    case HF_BOARD_VIRT:
        return check_virt(m, err);
    default:
        return hf_error_refuse(err, "machine",
                               "machine type '%s': unsupported flash; use pc (i440fx), q35 or AArch64 virt", m->type);
    }
}

static void add_bank(struct hf_words *out, const struct hf_machine *m, const char *name, bool writable)
{
    json_t *server = json_pack("{s:s, s:s}", "type", "unix", "path", m->socket);
    json_t *node = json_pack("{s:s, s:s+, s:o, s:s, s:b, s:i}", "driver", "nbd", "node-name", "hf-", name, "server",
                             server, "export", name, "read-only", !writable, "reconnect-delay", HF_RECONNECT_SECONDS);

    hf_words_add(out, "-blockdev");
    hf_words_add_json(out, node);
}

static void add_machine(struct hf_words *out, const struct hf_machine *m)
{
    hf_words_add(out, "-machine");
    hf_words_addf(out, "%s%s%spflash0=hf-code%s%s", m->named ? "" : "type=", m->named ? "" : m->type,
                  m->named ? "" : ",", m->vars_size ? ",pflash1=hf-vars" : "", m->needs_smm ? ",smm=on" : "");
}

#define WINDOW_SIZE 0x100000

/* The RAM becomes an object, and the first one: QEMU 10 and later abort as the source of a migration under TCG where
 * another memory object stands beside the default RAM. Its name is the one that QEMU gives the default, so that it
 * migrates from and to machines that have that. */
static void add_mailbox_memory(struct hf_words *out, const struct hf_machine *m)
{
    static const char default_size[] = "128M";
    const char *id = hf_board_of(m->type) == HF_BOARD_VIRT ? "mach-virt.ram" : "pc.ram";

    if (m->memory) {
        hf_words_add(out, "-object");
        hf_words_addf(out, "memory-backend-ram,id=%s,size=%s,x-use-canonical-path-for-ramblock-id=off", id,
                      m->memory[0] ? m->memory : default_size);
        hf_words_add(out, "-machine");
        hf_words_addf(out, "memory-backend=%s", id);
    }
    hf_words_add(out, "-object");
    hf_words_add_json(out, json_pack("{s:s, s:s, s:s, s:i, s:b}", "qom-type", "memory-backend-file", "id", "hf-window",
                                     "mem-path", m->mailbox, "size", WINDOW_SIZE, "share", 1));
}

int hf_machine_last_arguments(const struct hf_machine *m, struct hf_words *out, struct hf_error *err)
{
    if (m->mailbox) {
        hf_words_add(out, "-device");
        hf_words_addf(out, "ivshmem-plain,id=" HF_MAILBOX_DEVICE ",memdev=hf-window,master=on,bus=%s,romfile=%s",
                      hf_board_of(m->type) == HF_BOARD_PC ? "pci.0" : "pcie.0",
                      m->mailbox_rom ? HF_MAILBOX_ROM_NAME : "");
    }
    return out->bad ? hf_error_nomem(err) : 0;
}

static int check_path(const char *path, struct hf_error *err)
{
    json_t *text = path ? json_string(path) : NULL;

    if (path && !text)
        return hf_error_set(err, HF_EUSAGE, "'%s': path is not valid UTF-8, which QEMU needs; use another one", path);
    json_decref(text);
    return 0;
}

static int check_socket(const char *path, struct hf_error *err)
{
    size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;

    if (strlen(path) > room)
        return hf_error_set(err, HF_EUSAGE, "socket '%s': path too long: %zu bytes; the limit is %zu", path,
                            strlen(path), room);
    return check_path(path, err);
}

int hf_machine_arguments(const struct hf_machine *m, struct hf_words *out, struct hf_error *err)
{
    int r = check_socket(m->socket, err);

    assert(hf_machine_check(m, NULL) == 0);
    if (r == 0)
        r = check_path(m->mailbox, err);
    if (r < 0)
        return r;
    add_bank(out, m, "code", false);
    if (m->vars_size)
        add_bank(out, m, "vars", true);
    add_machine(out, m);
    if (m->needs_smm) {
        hf_words_add(out, "-global");
        hf_words_add(out, "driver=cfi.pflash01,property=secure,value=on");
    }
    if (m->mailbox)
        add_mailbox_memory(out, m);
    if (m->rom_dir) {
        hf_words_add(out, "-L");
        hf_words_add(out, m->rom_dir);
    }
    if (m->uuid) {
        hf_words_add(out, "-uuid");
        hf_words_add(out, m->uuid);
    }
    return out->bad ? hf_error_nomem(err) : 0;
}

uint64_t hf_machine_vars_address(const struct hf_machine *m)
{
    return hf_board_of(m->type) == HF_BOARD_VIRT ? VIRT_BANK_SIZE : X86_FLASH_END - m->code_size - m->vars_size;
}

uint64_t hf_machine_code_address(const struct hf_machine *m)
{
    return hf_board_of(m->type) == HF_BOARD_VIRT ? 0 : X86_FLASH_END - m->code_size;
}
