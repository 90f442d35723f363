/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm_emulator.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "option_text.h"

#define ANSWER_MS 5000

struct words {
    char driver[32], id[64], chardev[64], path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static int take(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct words *w = ctx;

    if (!strcmp(key, "driver"))
        (void)snprintf(w->driver, sizeof w->driver, "%s", value);
    else if (!strcmp(key, "id"))
        (void)snprintf(w->id, sizeof w->id, "%s", value);
    else if (!strcmp(key, "chardev"))
        (void)snprintf(w->chardev, sizeof w->chardev, "%s", value);
    else if (!strcmp(key, "path"))
        (void)snprintf(w->path, sizeof w->path, "%s", value);
    return 0;
}

/* The text behind the next -NAME (or --NAME), from *at on, which moves past it; NULL: there is none. */
static const char *next_option(char *const *argv, int argc, const char *name, int *at)
{
    while (*at + 1 < argc) {
        const char *word = argv[(*at)++];

        if (word[0] == '-' && !strcmp(word + (word[1] == '-' ? 2 : 1), name))
            return argv[(*at)++];
    }
    return NULL;
}

static bool answers(const char *path, const char **why)
{
    static const uint8_t get_capability[4] = {0, 0, 0, 1};
    hf_auto(hf_cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint8_t answer[64];

    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        send(fd, get_capability, sizeof get_capability, MSG_NOSIGNAL) != (ssize_t)sizeof get_capability) {
        *why = strerror(errno);
        return false;
    }
    *why = "no answer";
    return poll(&p, 1, ANSWER_MS) == 1 && read(fd, answer, sizeof answer) >= 4;
}

static int check(char *const *argv, int argc, const char *chardev, struct hf_error *err)
{
    const char *text, *why;
    int at = 0;

    while ((text = next_option(argv, argc, "chardev", &at))) {
        struct words w = {.path = ""};
        int r = hf_option_text_each(text, "driver", take, &w, err);

        if (r < 0)
            return r;
        if (!strcmp(w.driver, "socket") && !strcmp(w.id, chardev) && w.path[0] && !answers(w.path, &why))
            return hf_error_set(err, HF_ENOTFOUND, "TPM emulator '%s': does not reply: %s; start it first", w.path,
                                why);
    }
    return 0;
}

int hf_tpm_emulators_check(char *const *argv, int argc, struct hf_error *err)
{
    const char *text;
    int at = 0, r = 0;

    while (r == 0 && (text = next_option(argv, argc, "tpmdev", &at))) {
        struct words w = {.path = ""};

        r = hf_option_text_each(text, "driver", take, &w, err);
        if (r == 0 && !strcmp(w.driver, "emulator"))
            r = check(argv, argc, w.chardev, err);
    }
    return r;
}
