/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host at the other end of the window, for tests of the driver: mailbox_peer WINDOW [MODE] [SUPPORTED-ACPI-BITS]
 *
 * It offers `lifecycle` and `acpi-loader`, answers every question and gives an SSDT that names a log. Each thing that
 * happens is one line on standard output. MODE is how it misbehaves:
 *
 *   good        not at all
 *   retry       the directory promises every bit of acpi-loader; asked for bit 1 the host refuses
 *   refuse      acpi-loader is not there
 *   masked      lifecycle has no bit
 *   busy        answers every question 1.6 seconds late
 *   silent      announces itself and never answers
 *   absent      never announces itself
 *   garbage     every word of its half is random, but for magic and version, and changes all the time
 *   generations the host's half is made anew: instead of the first four answers, and at every third poll, 200 times
 *   script      the script has a pointer outside of its file
 *   tables      the script brings a FADT
 *   no-files    agrees and gives no files
 *
 * A line "reset" on standard input clears both halves, as at a system reset; end of input ends it.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <holdfast/acpi_build.h>

#include "mailbox_host.h"

#define LOG_FILE  "etc/holdfast/log"
#define SSDT_FILE "etc/holdfast/ssdt"

static uint8_t *window;
static uint8_t memory[8192];
static struct hf_negotiate *negotiate;
static struct hf_mailbox host;
static const char *mode = "good";
static unsigned acpi_bits = 3;

static bool is(const char *name)
{
    return strcmp(mode, name) == 0;
}

static void open_window(uint32_t generation, bool keep)
{
    struct hf_negotiate_domain domains[] = {
        {.name = "acpi-loader", .version = 1, .supported = {{(uint8_t)acpi_bits}}},
        {.name = "lifecycle", .version = 1, .supported = {{is("masked") ? 0 : 1}}},
    };
    size_t skip = is("refuse"); /* without the first */

    if (is("retry"))
        domains[0].supported.byte[0] = 1;
    if ((!keep &&
         hf_negotiate_init(memory, sizeof memory, domains + skip, 2 - skip, generation, &negotiate, NULL) < 0) ||
        hf_mailbox_publish(window, negotiate, generation, &host, NULL) < 0)
        exit(1);
}

/* The directory says more than the host means. */
static void promise_everything(void)
{
    window[HF_MAILBOX_DOMAINS_AT + sizeof(struct hf_negotiate_directory) +
           offsetof(struct hf_negotiate_row, supported)] = 3;
}

static void give_files(uint64_t agreed)
{
    /* Name (HFLG, QWORD): where the log is. */
    static uint8_t ssdt[36 + 14] = "SSDT\062\0\0\0\002\0HOLDFSLOG     \001\0\0\0HOLD\001\0\0\0\010HFLG\016";
    static uint8_t log[64] = "Holdfast keeps what a guest brings.\n";
    const struct hf_acpi_part parts[] = {
        {.file = SSDT_FILE, .bytes = ssdt, .size = sizeof ssdt, .align = 64},
        {.file = LOG_FILE, .bytes = log, .size = sizeof log, .align = 4096, .flags = HF_ACPI_PART_DATA},
    };
    const struct hf_acpi_pointer pointers[] = {{.part = 0, .offset = 42, .size = 8, .target_part = 1}};
    const struct hf_acpi_checksum sum = {.part = 0, .result = 9, .length = sizeof ssdt};
    /* The driver has no root to hang the SSDT on, so a pointer to it comes from a file of its own. */
    static uint8_t list[8];
    const struct hf_acpi_part all[] = {
        parts[0],
        parts[1],
        {.file = "etc/holdfast/tables", .bytes = list, .size = 8, .align = 8, .flags = HF_ACPI_PART_DATA}};
    const struct hf_acpi_pointer links[] = {pointers[0], {.part = 2, .offset = 0, .size = 8, .target_part = 0}};
    const struct hf_acpi_description d = {
        .parts = all, .pointers = links, .checksums = &sum, .part_count = 3, .pointer_count = 2, .checksum_count = 1};
    static uint8_t room[65536];
    struct hf_acpi_built built;
    struct hf_error err;
    struct hf_mailbox_blob files[4];

    memcpy(ssdt, is("tables") ? "FACP" : "SSDT", 4);
    if (hf_acpi_build(&d, agreed, room, sizeof room, &built, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    if (is("script")) /* the first pointer's offset */
        ((uint8_t *)(uintptr_t)built.script.bytes)[3 * 128 + 116] = 0xf0;
    files[0] = (struct hf_mailbox_blob){built.script.name, built.script.bytes, built.script.size};
    for (size_t i = 0; i < built.count; i++)
        files[i + 1] = (struct hf_mailbox_blob){built.files[i].name, built.files[i].bytes, built.files[i].size};
    if (hf_mailbox_put_files(&host, files, 1 + built.count, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static uint64_t low_bits(const struct hf_bits *set)
{
    hf_le64 low;

    memcpy(&low, set->byte, sizeof low);
    return hf_le64_get(low);
}

static void give_files_if_agreed(void)
{
    struct hf_bits agreed;

    if (!is("no-files") && hf_negotiate_agreed(negotiate, "acpi-loader", &agreed))
        give_files(low_bits(&agreed));
}

static void print_news(const struct hf_mailbox_news *news)
{
    if (news->moved_on)
        printf("stage %s\n", hf_mailbox_stage_name(news->stage));
    if (news->asked)
        printf("asked %s %llx status %d\n", news->domain, (unsigned long long)low_bits(&news->wanted),
               (int)news->status);
    if (news->loaded)
        printf("loader %s\n", hf_mailbox_loader_name(news->loader));
    fflush(stdout);
}

static void make_anew(void)
{
    static unsigned polls, times;
    enum hf_mailbox_stage stage = host.stage;
    enum hf_mailbox_loader loader = host.loader;
    uint32_t ask;

    memcpy(&ask, window + HF_MAILBOX_GUEST_AT + offsetof(struct hf_mailbox_guest, ask), sizeof ask);
    if (ask == 0 || times == 200 || (++polls % 3 != 0 && (ask == host.answered || times >= 4)))
        return;
    times++;
    open_window(host.generation + 1, true);
    give_files_if_agreed();
    host.stage = stage; /* what was said already is not said again */
    host.loader = loader;
    if (times == 5)
        printf("made anew 5 times\n");
}

static void be_busy(void)
{
    static uint32_t last;
    uint32_t ask;

    memcpy(&ask, window + HF_MAILBOX_GUEST_AT + offsetof(struct hf_mailbox_guest, ask), sizeof ask);
    if (ask != last)
        (void)nanosleep(&(struct timespec){1, 600000000}, NULL);
    last = ask;
}

static void write_garbage(void)
{
    uint32_t *half = (uint32_t *)(void *)(window + HF_MAILBOX_HOST_AT);

    for (size_t i = 2; i < HF_MAILBOX_PAGE / 4 * 4; i++)
        half[i] = rand() % 4 ? (uint32_t)rand() : (uint32_t)rand() % 64 * 4;
    if (rand() % 2) /* sometimes it says that it answered */
        memcpy(half + 3, window + offsetof(struct hf_mailbox_guest, ask), 4);
}

static void poll_once(void)
{
    struct hf_mailbox_news news;

    if (is("absent"))
        return;
    if (is("silent") || is("garbage")) { /* looks and does not answer */
        static bool seen;

        if (is("garbage"))
            write_garbage();
        if (!seen && memcmp(window, HF_MAILBOX_GUEST_MAGIC, 4) == 0) {
            seen = true;
            printf("stage started\n");
            fflush(stdout);
        }
        return;
    }
    if (is("generations"))
        make_anew();
    if (is("busy"))
        be_busy();
    if (!hf_mailbox_poll(&host, &news))
        return;
    if (news.asked && news.status == HF_NEGOTIATE_ACCEPTED && strcmp(news.domain, "acpi-loader") == 0)
        give_files_if_agreed();
    if (is("retry"))
        promise_everything();
    print_news(&news);
}

static bool input_ended(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[64];
    ssize_t n;

    if (poll(&in, 1, 1) <= 0)
        return false;
    n = read(STDIN_FILENO, line, sizeof line);
    if (n > 0 && !is("absent")) {
        hf_mailbox_reset(&host);
        if (is("retry"))
            promise_everything();
        printf("reset\n");
        fflush(stdout);
    }
    return n <= 0;
}

int main(int argc, char **argv)
{
    int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (argc > 2)
        mode = argv[2];
    if (argc > 3)
        acpi_bits = (unsigned)atoi(argv[3]);
    if (fd < 0 || ftruncate(fd, HF_MAILBOX_SIZE) < 0)
        return 2;
    window = mmap(NULL, HF_MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (window == MAP_FAILED)
        return 1;
    srand((unsigned)time(NULL));
    if (!is("absent"))
        open_window(1, false);
    if (is("retry"))
        promise_everything();
    printf("ready\n");
    fflush(stdout);
    while (!input_ended())
        poll_once();
    return 0;
}
