/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's half of the mailbox without a guest: maps the window's file and does what a driver would. One command per
 * call, answers on standard output.
 *
 * $PLAY_WAIT_MS says how long to wait for an answer.
 *
 *   play-guest WINDOW start                 the driver starts
 *   play-guest WINDOW agree DOMAIN BITS     negotiates: "agreed 0x3"
 *   play-guest WINDOW ask DOMAIN BITS       asks for exactly these: "status 4 bit 5 agreed 0x0"
 *   play-guest WINDOW report STAGE          1 to 3
 *   play-guest WINDOW domains               "lifecycle 1 open 0x1 0x0", a line each: version, state, offered, agreed
 *   play-guest WINDOW files DIR             writes the files there; '/' in a name becomes '_'
 *   play-guest WINDOW order COMMAND FLAGS   "done 2 rule fallback text ...", then the facts, a line each
 *   play-guest WINDOW update FILE DIGEST    sends an image; the same lines
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mailbox_guest.h"

static struct hf_mailbox_port port;

static int fail(const char *what, int r)
{
    printf("%s: error %d\n", what, -r);
    return 1;
}

static bool wait_ms(void *opaque, uint32_t waited)
{
    const char *most = getenv("PLAY_WAIT_MS");

    (void)usleep(1000);
    return waited < (most ? strtoul(most, NULL, 10) : 60000);
}

static int map(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *window = fd < 0 ? MAP_FAILED : mmap(NULL, HF_MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (window == MAP_FAILED) {
        perror(path);
        return -1;
    }
    port = (struct hf_mailbox_port){.window = window, .wait = wait_ms};
    port.ask = port.window[offsetof(struct hf_mailbox_guest, ask) / 4];
    return 0;
}

static uint64_t low_bits(const struct hf_bits *set)
{
    uint64_t low = 0;

    for (unsigned i = 0; i < 8; i++)
        low |= (uint64_t)set->byte[i] << 8 * i;
    return low;
}

static int agree(const char *domain, uint64_t bits)
{
    struct hf_negotiate_want want = {.domain = domain, .version = 1, .bits = hf_bits_of(bits)};
    struct hf_negotiate_port files;
    struct hf_bits agreed;
    int r;

    hf_mailbox_guest_negotiate_port(&port, &files);
    r = hf_negotiate_guest(&files, &want, &agreed, NULL);
    if (r < 0)
        return fail("agree", r);
    printf("agreed 0x%llx\n", (unsigned long long)low_bits(&agreed));
    return 0;
}

static int ask(const char *domain, uint64_t bits)
{
    struct hf_bits wanted = hf_bits_of(bits);
    struct hf_negotiate_request request;
    struct hf_negotiate_answer answer;
    struct hf_negotiate_port files;
    int r = hf_negotiate_request_fill(&request, domain, 1, &wanted);

    hf_mailbox_guest_negotiate_port(&port, &files);
    if (r == 0)
        r = files.exchange(files.opaque, &request, &answer);
    if (r < 0)
        return fail("ask", r);
    printf("status %u bit %d agreed 0x%llx\n", hf_le32_get(answer.status), (int)hf_le32_get(answer.bit),
           (unsigned long long)low_bits(&answer.agreed));
    return 0;
}

static int domains(void)
{
    static const char *const names[] = {"lifecycle", "acpi-loader", "unheard-of"};
    struct hf_negotiate_port files;

    hf_mailbox_guest_negotiate_port(&port, &files);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct hf_negotiate_row row;

        if (hf_negotiate_find(&files, names[i], &row) == 0)
            printf("%s %u %s 0x%llx 0x%llx\n", row.name, hf_le32_get(row.version),
                   hf_le32_get(row.state) == HF_NEGOTIATE_LOCKED ? "locked" : "open",
                   (unsigned long long)low_bits(&row.supported), (unsigned long long)low_bits(&row.agreed));
    }
    return 0;
}

static int write_file(const char *directory, const struct hf_mailbox_file *row)
{
    uint32_t size = hf_le32_get(row->size);
    char path[4096], name[sizeof row->name + 1] = "";
    uint8_t *bytes = malloc(size ? size : 1);
    int r = bytes ? hf_mailbox_guest_read(&port, row, bytes, size) : -HF_ENOMEM;
    FILE *f;

    memcpy(name, row->name, sizeof row->name);
    for (char *p = name; *p; p++)
        *p = *p == '/' ? '_' : *p;
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    f = r == 0 ? fopen(path, "wb") : NULL;
    if (f && (fwrite(bytes, 1, size, f) != size || fclose(f) != 0))
        r = -HF_EIO;
    free(bytes);
    if (r == 0)
        printf("%s %u\n", name, size);
    return r;
}

static int files(const char *directory)
{
    struct hf_mailbox_file row;
    int r = 0;

    for (uint32_t n = 0; r == 0 && (r = hf_mailbox_guest_file(&port, n, &row)) == 0; n++)
        r = write_file(directory, &row);
    return r == -HF_ENOTFOUND ? 0 : fail("files", r);
}

static int say_reply(int r, const struct hf_mailbox_reply *reply)
{
    if (r < 0)
        return fail("order", r);
    printf("done %u rule %s text %s\n", hf_le32_get(reply->done), reply->rule, reply->text);
    printf("mode %u life %u boots %u failed %u\n", hf_le32_get(reply->mode), hf_le32_get(reply->life),
           hf_le32_get(reply->boots_started), hf_le32_get(reply->boots_failed));
    printf("active %s\nstaged %s\n", reply->active_label, reply->staged_label);
    return 0;
}

static int order(uint32_t command, uint32_t flags)
{
    struct hf_mailbox_order order = {.command = hf_le32_of(command), .flags = hf_le32_of(flags)};
    struct hf_mailbox_reply reply;
    int r = hf_mailbox_guest_attach(&port);

    return say_reply(r < 0 ? r : hf_mailbox_guest_order(&port, &order, &reply), &reply);
}

static int update(const char *path, const char *digest)
{
    static uint8_t image[HF_MAILBOX_IMAGE_MAX];
    struct hf_mailbox_update u = {.image = image};
    struct hf_mailbox_reply reply;
    FILE *f = fopen(path, "rb");
    int r = hf_mailbox_guest_attach(&port);

    u.size = f ? fread(image, 1, sizeof image, f) : 0;
    for (unsigned i = 0; i < sizeof u.digest && strlen(digest) == 64; i++) {
        unsigned byte = 0;

        (void)sscanf(digest + (size_t)2 * i, "%2x", &byte);
        u.digest[i] = (uint8_t)byte;
    }
    if (f)
        (void)fclose(f);
    return say_reply(r < 0 ? r : hf_mailbox_guest_update(&port, &u, &reply), &reply);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";
    int r;

    if (argc < 3 || map(argv[1]) < 0)
        return 2;
    if (!strcmp(what, "start"))
        return (r = hf_mailbox_guest_start(&port)) < 0 ? fail(what, r) : 0;
    if (!strcmp(what, "agree") && argc == 5)
        return agree(argv[3], strtoull(argv[4], NULL, 0));
    if (!strcmp(what, "ask") && argc == 5)
        return ask(argv[3], strtoull(argv[4], NULL, 0));
    if (!strcmp(what, "domains"))
        return domains();
    if (!strcmp(what, "files") && argc == 4)
        return files(argv[3]);
    if (!strcmp(what, "order") && argc == 5)
        return order((uint32_t)strtoul(argv[3], NULL, 0), (uint32_t)strtoul(argv[4], NULL, 0));
    if (!strcmp(what, "update") && argc == 5)
        return update(argv[3], argv[4]);
    if (!strcmp(what, "report") && argc == 4) {
        hf_mailbox_guest_report(&port, (enum hf_mailbox_stage)atoi(argv[3]));
        return 0;
    }
    return 2;
}
