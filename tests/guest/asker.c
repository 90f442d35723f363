/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * asker FILE: asks the host through the mailbox without a pause, as a driver does, what was agreed on already: the same again,
 * which is accepted again, and less, which is refused with what is locked. Keeps in FILE how many answers came and under
 * how many generations of the host's half. Ends, with words, at the first answer that is not what it must be.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <holdfast/negotiate_guest.h>

#include "window.h"

static bool wait_ms(void *opaque, uint32_t waited)
{
    (void)usleep(1000);
    return waited < 120000;
}

struct question {
    const char *domain;
    uint8_t wanted, status, agreed;
};

static int ask(struct hf_negotiate_port *files, const struct question *q)
{
    struct hf_bits wanted = hf_bits_of(q->wanted), agreed = hf_bits_of(q->agreed);
    struct hf_negotiate_request request;
    struct hf_negotiate_answer answer;
    int r = hf_negotiate_request_fill(&request, q->domain, 1, &wanted);

    if (r == 0)
        r = files->exchange(files->opaque, &request, &answer);
    if (r < 0)
        printf("%s: error %d\n", q->domain, -r);
    else if (hf_le32_get(answer.status) != q->status || !hf_bits_equal(&answer.agreed, &agreed))
        printf("%s: status %u agreed 0x%x\n", q->domain, hf_le32_get(answer.status), answer.agreed.byte[0]);
    else
        return 0;
    return -1;
}

int main(int argc, char **argv)
{
    static const struct question questions[] = {
        {"lifecycle", 1, HF_NEGOTIATE_ACCEPTED, 1},
        {"acpi-loader", 3, HF_NEGOTIATE_ACCEPTED, 3},
        {"acpi-loader", 1, HF_NEGOTIATE_IS_LOCKED, 3},
    };
    unsigned answers = 0, generations = 0;
    struct hf_negotiate_port files;
    uint32_t generation = 0;
    struct window w;
    struct hf_error err;
    int fd = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

    if (fd < 0 || window_open(NULL, &w, &err) < 0) {
        printf("asker: %s\n", fd < 0 ? "usage: asker FILE" : err.text);
        return 2;
    }
    (void)flock(w.fd, LOCK_UN); /* holdfast-guest works beside it */
    w.port.wait = wait_ms;
    w.port.ask = w.port.window[offsetof(struct hf_mailbox_guest, ask) / 4];
    hf_mailbox_guest_negotiate_port(&w.port, &files);
    while (ask(&files, &questions[answers % 3]) == 0) {
        char text[64];
        int n;

        if (hf_mailbox_guest_generation(&w.port) != generation)
            generations++;
        generation = hf_mailbox_guest_generation(&w.port);
        n = snprintf(text, sizeof text, "%10u answers %6u generations\n", ++answers, generations);
        if (pwrite(fd, text, (size_t)n, 0) != n)
            return 2;
    }
    return 1;
}
