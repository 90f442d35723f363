/* SPDX-License-Identifier: BSD-2-Clause */
#include "resync.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adoption.h"
#include "banks.h"
#include "board.h"
#include "cleanup.h"
#include "container.h"
#include "guard_link.h"
#include "places.h"
#include "domain_pause.h"
#include "virt.h"
#include "whole_file.h"

#define PEEK_SIZE (1U << 20) /* libvirt's own limit for one piece */

/* A guest that is stopped in the middle of a flash command shows the chip's status instead of its contents. */
#define TRIES     50
#define MOMENT_MS 20

/* QEMU tries to connect in the background and waits longer from time to time, 16 s at most. */
#define CONNECT_TRIES 900 /* of MOMENT_MS */

#define BUSY_TRIES   60 /* of BUSY_MOMENTS */
#define BUSY_MOMENTS 10

struct bank {
    uint64_t address, size;
};

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}

static void moment(void)
{
    const struct timespec t = {.tv_nsec = MOMENT_MS * 1000000L};

    (void)nanosleep(&t, NULL);
}

static int find_bank(const struct hf_adoption *adoption, struct bank *bank, struct hf_error *err)
{
    struct hf_container *c;
    struct hf_guest guest;
    uint64_t code = 0;
    int r = hf_container_open(adoption->container, HF_OPEN_LOOK, (int64_t)time(NULL), &c, err);

    if (r < 0)
        return r;
    r = hf_guest_get(c, &guest, err);
    if (r == 0)
        r = hf_bank_size(c, HF_BANK_CODE, &code, err);
    if (r == 0)
        r = hf_bank_size(c, HF_BANK_VARS, &bank->size, err);
    hf_container_done(&c);
    if (r < 0)
        return r;
    if (hf_board_of(guest.machine) == HF_BOARD_VIRT)
        bank->address = 64ULL << 20;
    else
        bank->address = (4ULL << 30) - code - bank->size;
    return 0;
}

/* Whether somebody is connected to the socket: /proc/net/unix shows the server's end of each connection, state 3. */
static bool is_connected(const char *socket)
{
    hf_auto(close_file) FILE *f = fopen("/proc/net/unix", "re");
    char line[PATH_MAX + 128], path[PATH_MAX];
    unsigned state;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%*s %*s %*s %*s %*s %x %*s %4095s", &state, path) == 2 && state == 3 && !strcmp(path, socket))
            return true;
    return false;
}

/* The first request finds the connection broken, the second begins another one in the background, a later one uses it.
 * What `qemu-io` says goes to QEMU's log, so the socket has to tell. */
static int connect_again(struct hf_virt *v, const char *uuid, struct hf_error *err)
{
    char socket[PATH_MAX];

    hf_libvirt_run_path(uuid, HF_VARS_SOCKET, socket);
    for (int i = 0; i < CONNECT_TRIES; i++) {
        hf_auto(hf_cleanup_free) char *answer = NULL;
        bool connected = is_connected(socket);
        int r = hf_virt_monitor(v, "qemu-io libvirt-pflash1-storage \"read 0 512\"", &answer, err);

        if (r < 0 || connected) /* with this request the connection is in use */
            return r;
        moment();
    }
    return hf_error_set(err, HF_ETIMEDOUT, "QEMU does not connect to the server of its variables again");
}

/* A firmware volume's signature stands at its 40th byte. */
static bool is_volume(const uint8_t *bytes)
{
    return !memcmp(bytes + 40, "_FVH", 4);
}

static int read_bank(struct hf_virt *v, const struct bank *bank, uint8_t *bytes, struct hf_error *err)
{
    for (int i = 0; i < TRIES; i++) {
        int r = 0;

        for (uint64_t at = 0; r == 0 && at < bank->size; at += PEEK_SIZE) {
            size_t n = bank->size - at < PEEK_SIZE ? (size_t)(bank->size - at) : PEEK_SIZE;

            r = hf_virt_peek(v, bank->address + at, bytes + at, n, err);
        }
        if (r < 0 || is_volume(bytes))
            return r;
        r = hf_virt_resume(v, err);
        moment();
        if (r == 0)
            r = hf_virt_suspend(v, err);
        if (r < 0)
            return r;
    }
    return hf_error_set(err, HF_EPROTO, "the guest's memory at %#llx does not look like variables",
                        (unsigned long long)bank->address);
}

static int ask(const char *uuid, enum hf_guard_ask what, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = what};

    return hf_guard_ask(uuid, &q, err);
}

static int hand_over(const char *uuid, const uint8_t *bytes, uint64_t size, struct hf_error *err)
{
    char path[PATH_MAX];
    int r;

    hf_libvirt_run_path(uuid, HF_BANK_FILE, path);
    r = hf_file_replace(path, bytes, size, 0600, NULL, err);
    if (r == 0)
        r = ask(uuid, HF_GUARD_BANK, err);
    (void)unlink(path);
    return r;
}

/* With the guest standing still. */
static int resync(struct hf_virt *v, const struct hf_adoption *adoption, struct hf_error *err)
{
    const char *uuid = adoption->uuid;
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct bank bank;
    int r = find_bank(adoption, &bank, err);

    if (r == 0)
        r = ask(uuid, HF_GUARD_AGAIN, err);
    if (r == 0)
        r = connect_again(v, uuid, err);
    if (r < 0)
        return r;
    bytes = malloc(bank.size);
    if (!bytes)
        return hf_error_set(err, HF_ENOMEM, "%llu bytes of variables: out of memory", (unsigned long long)bank.size);
    r = read_bank(v, &bank, bytes, err);
    return r < 0 ? r : hand_over(uuid, bytes, bank.size, err);
}

/* A guest that is just being moved may go on here or not; what is brought in line before that is decided is not for
 * long. */
static int await_libvirt(struct hf_virt *v, struct hf_error *err)
{
    struct hf_virt_state state;

    for (int i = 0; i < BUSY_TRIES; i++) {
        bool busy = false;
        int r = hf_virt_state(v, &state, err);

        if (r == 0 && state.active && !state.moved)
            r = hf_virt_busy(v, &busy, err);
        if (r < 0 || (!busy && !state.moved))
            return r;
        for (int j = 0; j < BUSY_MOMENTS; j++)
            moment();
    }
    return hf_error_set(err, HF_ETIMEDOUT, "the domain is being migrated");
}

int hf_libvirt_resync(const char *uuid, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *v = NULL;
    struct hf_adoption adoption;
    struct hf_virt_state state;
    int lock, r = hf_virt_open(NULL, uuid, &v, err);

    if (r == 0)
        r = hf_virt_state(v, &state, err);
    if (r == -HF_ENOTFOUND || (r == 0 && !state.active))
        return ask(uuid, HF_GUARD_GONE, err);
    if (r == 0)
        r = hf_adoption_load(uuid, &adoption, err);
    if (r < 0 || adoption.reconnect)
        return r;
    r = await_libvirt(v, err);
    if (r == 0)
        r = hf_domain_pause_enter(v, uuid, &lock, err);
    if (r < 0)
        return r;
    r = resync(v, &adoption, err);
    if (r == 0)
        return hf_domain_pause_leave(v, uuid, lock, err);
    (void)close(lock); /* the guest is paused until the guard's next try */
    return r;
}
