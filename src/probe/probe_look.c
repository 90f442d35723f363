/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe_look.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "board.h"
#include "cleanup.h"
#include "machine_devices.h"
#include "monitor.h"
#include "qtest.h"

#define ANSWER_MS     30000
#define VIRT_FW_CFG   0x9020000
#define VIRT_MEMORY   0x40100000 /* above the device tree */
#define X86_MEMORY    0x100000
#define PCIEXBAR      0x80000060 /* of the host bridge, device 0 */
#define PCIEXBAR_BASE 0xb0000001 /* enabled, 256 MiB, where firmware puts it */

struct look {
    struct hf_probe_child child;
    struct hf_monitor *monitor;
    struct hf_loop loop;
    int qtest; /* our end */
    struct hf_qtest machine;
};

/* ---- lines ---- */

static int send_all(int fd, const char *text, size_t size, struct hf_error *err)
{
    while (size > 0) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hf_error_set(err, HF_EIO, "QEMU exited");
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

/* One answer to one command: nothing follows its newline. */
static int receive(int fd, char *answer, size_t room, struct hf_error *err)
{
    size_t held = 0;

    while (held == 0 || answer[held - 1] != '\n') {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, ANSWER_MS);
        ssize_t n;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return hf_error_set(err, HF_ETIMEDOUT, "QEMU: timed out after %d s", ANSWER_MS / 1000);
        if (held == room)
            return hf_error_set(err, HF_EPROTO, "QEMU: reply too long");
        n = read(fd, answer + held, room - held);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hf_error_set(err, HF_EIO, "QEMU exited");
        held += (size_t)n;
    }
    answer[held - 1] = '\0';
    return 0;
}

static int exchange(void *ctx, const char *command, size_t size, char *answer, size_t room, struct hf_error *err)
{
    int r = send_all(*(int *)ctx, command, size, err);

    return r < 0 ? r : receive(*(int *)ctx, answer, room, err);
}

/* ---- the machine ---- */

static int start(struct look *l, const struct hf_probe_machine *m, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int their_qmp = -1, their_qtest = -1;
    char qmp_text[64], qtest_text[64];
    char *more[] = {(char *)"-incoming",
                    (char *)"defer",
                    (char *)"-chardev",
                    qmp_text,
                    (char *)"-qmp",
                    (char *)"chardev:hf-qmp",
                    (char *)"-chardev",
                    qtest_text,
                    (char *)"-object",
                    (char *)"qtest,id=hf-qtest-server,chardev=hf-qtest,log=/dev/null",
                    NULL};
    int qmp[2], qtest[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) < 0)
        return hf_error_set(err, HF_EIO, "socketpair: %s", strerror(errno));
    their_qmp = qmp[1];
    r = hf_monitor_new(qmp[0], &l->loop, &l->monitor, err);
    if (r < 0)
        return r;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qtest) < 0)
        return hf_error_set(err, HF_EIO, "socketpair: %s", strerror(errno));
    l->qtest = qtest[0];
    their_qtest = qtest[1];
    snprintf(qmp_text, sizeof qmp_text, "socket,id=hf-qmp,fd=%d", their_qmp);
    snprintf(qtest_text, sizeof qtest_text, "socket,id=hf-qtest,fd=%d", their_qtest);
    return hf_probe_start(m, more, (const int[]){their_qmp, their_qtest}, 2, &l->child, err);
}

/* fw_cfg lies where its board has it; and QEMU describes the PCI Express window in its tables once firmware has opened
 * it. */
static void reach(struct look *l, enum hf_board board)
{
    l->machine.exchange = exchange;
    l->machine.ctx = &l->qtest;
    l->machine.mmio = board == HF_BOARD_VIRT;
    l->machine.base = l->machine.mmio ? VIRT_FW_CFG : HF_FWCFG_PORT_BASE;
    l->machine.memory = l->machine.mmio ? VIRT_MEMORY : X86_MEMORY;
    if (board == HF_BOARD_Q35) {
        hf_qtest_out(&l->machine, 0xcf8, 4, PCIEXBAR);
        hf_qtest_out(&l->machine, 0xcfc, 4, PCIEXBAR_BASE);
    }
}

static int look(struct look *l, const struct hf_probe_machine *m, struct hf_probe_seen *ret, struct hf_error *err)
{
    struct hf_fwcfg_client client = hf_qtest_client(&l->machine);
    struct hf_qmp_version v;
    int r = hf_monitor_wait_ready(l->monitor, ANSWER_MS, err);

    if (r == 0)
        r = hf_machine_devices(l->monitor, ret->devices, sizeof ret->devices, err);
    if (r == 0 && ret->roms)
        r = hf_machine_roms_loaded(l->monitor, ret->roms, err);
    if (r < 0)
        return r;
    reach(l, hf_board_of(m->type));
    r = hf_fwcfg_view_read(&client, &ret->view, err);
    if (r < 0 && l->machine.fault.code != HF_OK) {
        if (err)
            *err = l->machine.fault;
        return -(int)l->machine.fault.code;
    }
    v = hf_monitor_version(l->monitor);
    ret->version = (struct hf_vmm_version){(unsigned)v.major, (unsigned)v.minor, (unsigned)v.micro};
    return r;
}

int hf_probe_look(const struct hf_probe_machine *machine, struct hf_probe_seen *ret, struct hf_error *err)
{
    struct look *l = calloc(1, sizeof *l);
    char words[192];
    int r;

    if (!l)
        return hf_error_nomem(err);
    hf_loop_init(&l->loop);
    l->qtest = -1;
    r = start(l, machine, err);
    if (r == 0) {
        r = look(l, machine, ret, err);
        hf_probe_words(&l->child, words, sizeof words);
        if (r == -HF_EIO && words[0])
            r = hf_error_refuse(err, "qemu", "%s", words);
        hf_probe_end(&l->child);
    }
    hf_monitor_free(l->monitor);
    if (l->qtest >= 0)
        (void)close(l->qtest);
    free(l);
    return r;
}
