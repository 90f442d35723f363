/* SPDX-License-Identifier: BSD-2-Clause */
#include "qemu_describe.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "child.h"
#include "cleanup.h"
#include "file_key.h"
#include "known_json.h"
#include "monitor.h"
#include "program_output.h"

/* Devices whose absence can break a guest's move; all others are the guest's own business. */
static const char *const told_devices[] = {
    "ich9-ahci", "ivshmem-plain", "nvdimm", "tpm-crb", "tpm-tis", "tpm-tis-device", "vmcoreinfo", "vmgenid",
};

static const char *const told_block_drivers[] = {"nbd", "qcow2", "raw"};
static const char *const told_accelerators[] = {"hvf", "kvm", "tcg", "whpx", "xen"}; /* kvm: where we may open it */

static void on_target(json_t *answer, const json_t *result)
{
    json_object_set(answer, "arch", json_object_get(result, "arch"));
}

static void on_machines(json_t *answer, const json_t *result)
{
    json_t *machines = json_array();
    size_t i;
    json_t *m;

    json_array_foreach((json_t *)result, i, m) {
        json_t *one = json_pack("{s:O?, s:b}", "name", json_object_get(m, "name"), "deprecated",
                                json_is_true(json_object_get(m, "deprecated")));

        if (one && json_object_get(m, "alias"))
            json_object_set(one, "alias", json_object_get(m, "alias"));
        json_array_append_new(machines, one);
    }
    json_object_set_new(answer, "machines", machines);
}

static const struct {
    const char *command;
    void (*on)(json_t *answer, const json_t *result);
} questions[] = {
    {"query-target", on_target},
    {"query-machines", on_machines},
};

/* One by one: to list all devices QEMU would load every module there is, those of another build among them. */
static int ask_devices(json_t *answer, struct hf_monitor *m, struct hf_error *err)
{
    json_t *devices = json_array();

    json_object_set_new(answer, "devices", devices);
    for (size_t i = 0; i < HF_ARRAY_SIZE(told_devices); i++) {
        int r =
            hf_monitor_execute(m, "device-list-properties", json_pack("{s:s}", "typename", told_devices[i]), NULL, err);

        if (r >= 0)
            json_array_append_new(devices, json_string(told_devices[i]));
        else if (r != -HF_EREFUSED)
            return r;
    }
    return 0;
}

static int ask_monitor(json_t *answer, struct hf_monitor *m, struct hf_error *err)
{
    struct hf_qmp_version v;
    int r = hf_monitor_wait_ready(m, HF_PROGRAM_OUTPUT_MS, err);

    for (size_t i = 0; i < HF_ARRAY_SIZE(questions) && r >= 0; i++) {
        json_t *result = NULL;

        r = hf_monitor_execute(m, questions[i].command, NULL, &result, err);
        if (r >= 0)
            questions[i].on(answer, result);
        json_decref(result);
    }
    if (r >= 0)
        r = ask_devices(answer, m, err);
    v = hf_monitor_version(m);
    json_object_set_new(answer, "version", json_sprintf("%d.%d.%d", v.major, v.minor, v.micro));
    return r;
}

/* Starts the program with no machine and its monitor on one end of a socket pair. */
static int start_monitor(const char *program, int fds[2], pid_t *pid, struct hf_error *err)
{
    char chardev[64];
    char *const argv[] = {(char *)program,
                          (char *)"-M",
                          (char *)"none",
                          (char *)"-S",
                          (char *)"-nodefaults",
                          (char *)"-display",
                          (char *)"none",
                          (char *)"-chardev",
                          chardev,
                          (char *)"-qmp",
                          (char *)"chardev:hf-monitor",
                          NULL};
    struct hf_child_spec spec = {.argv = argv, .keep = {fds[1]}, .keep_count = 1, .detached = true};

    snprintf(chardev, sizeof chardev, "socket,id=hf-monitor,fd=%d", fds[1]);
    return hf_child_start(&spec, pid, err);
}

static int run_monitor(json_t *answer, const char *program, struct hf_error *err)
{
    struct hf_monitor *m = NULL;
    struct hf_loop loop;
    int fds[2], r;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return hf_error_set(err, HF_EIO, "socketpair: %s", strerror(errno));
    r = start_monitor(program, fds, &pid, err);
    (void)close(fds[1]);
    if (r < 0) {
        (void)close(fds[0]);
        return r;
    }
    hf_loop_init(&loop);
    r = hf_monitor_new(fds[0], &loop, &m, err);
    if (r >= 0)
        r = ask_monitor(answer, m, err);
    hf_monitor_free(m);
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return r < 0 ? hf_error_prefix(err, r, "%s: ", program) : 0;
}

/* Asks for a list that QEMU prints, and keeps the words in it that we know, in the order of our list. */
static int ask_words(json_t *answer, const char *key, const char *program, const char *option, const char *value,
                     const char *const *known, size_t count, struct hf_error *err)
{
    char *const argv[] = {(char *)program, (char *)"-M", (char *)"none", (char *)option, (char *)value, NULL};
    hf_auto(hf_cleanup_free) char *text = NULL;
    json_t *words = json_array();
    int r = hf_program_output(argv, &text, err);

    json_object_set_new(answer, key, words);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        const char *at = text;
        size_t length = strlen(known[i]);

        while ((at = strstr(at, known[i])) &&
               !(at > text && isspace((unsigned char)at[-1]) && (isspace((unsigned char)at[length]) || !at[length])))
            at++;
        if (at && (strcmp(known[i], "kvm") != 0 || access("/dev/kvm", R_OK | W_OK) == 0))
            json_array_append_new(words, json_string(known[i]));
    }
    return 0;
}

/* TCG has system management mode on x86; of KVM it is known only once a machine runs. */
static void put_smm(json_t *answer)
{
    const char *arch = json_string_value(json_object_get(answer, "arch"));
    json_t *accelerators = json_object_get(answer, "accelerators");
    bool tcg = false;
    size_t i;
    json_t *name;

    json_array_foreach(accelerators, i, name)
        tcg = tcg || strcmp(json_string_value(name), "tcg") == 0;
    json_object_set_new(answer, "smm", json_boolean(tcg && arch && (!strcmp(arch, "x86_64") || !strcmp(arch, "i386"))));
}

static int ask(const char *program, json_t **ret, struct hf_error *err)
{
    json_t *answer = json_pack("{s:s}", "program", program);
    int r = answer ? run_monitor(answer, program, err) : hf_error_nomem(err);

    if (r >= 0)
        r = ask_words(answer, "block-drivers", program, "-drive", "format=help", told_block_drivers,
                      HF_ARRAY_SIZE(told_block_drivers), err);
    if (r >= 0)
        r = ask_words(answer, "accelerators", program, "-accel", "help", told_accelerators,
                      HF_ARRAY_SIZE(told_accelerators), err);
    if (r < 0) {
        json_decref(answer);
        return r;
    }
    put_smm(answer);
    *ret = answer;
    return 0;
}

/* What QEMU says of itself is decided by the program and by whether we may open /dev/kvm. */
int hf_qemu_describe(const char *program, json_t **ret, struct hf_error *err)
{
    char file[HF_FILE_KEY_SIZE], key[2 * HF_FILE_KEY_SIZE];
    bool lasts = hf_program_key(program, file) &&
                 snprintf(key, sizeof key, "%s %s %s", program, access("/dev/kvm", R_OK | W_OK) == 0 ? "kvm" : "-",
                          file) < (int)sizeof key;
    json_t *answer = lasts ? hf_json_known("qemu", key) : NULL;
    int r = 0;

    if (!answer) {
        r = ask(program, &answer, err);
        if (r == 0 && lasts)
            hf_json_keep("qemu", key, answer);
    }
    if (r == 0)
        *ret = answer;
    return r;
}
