/* SPDX-License-Identifier: BSD-2-Clause */
/* A place for containers: a directory of its own with runtime and state directories in it, removed afterwards. */
#ifndef HF_TEST_GROUND_H
#define HF_TEST_GROUND_H

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "banks.h"
#include "container.h"
#include "images.h"
#include "owner.h"
#include "slots.h"
#include "snapshots.h"
#include "transfer.h"

#define NOW       1700000000
#define BANK_SIZE (64U << 10)

static char ground_dir[PATH_MAX];

/* A path in the directory; valid until the fourth call after it. */
static inline const char *ground_path(const char *name)
{
    static char paths[4][PATH_MAX + 64];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", ground_dir, name);
    return path;
}

/* Another host: its own register and identity. */
static inline void ground_host(const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "state-%s", name);
    setenv("HOLDFAST_STATE_DIR", ground_path(path), 1);
    snprintf(path, sizeof path, "run-%s", name);
    setenv("HOLDFAST_RUNTIME_DIR", ground_path(path), 1);
}

static inline void ground_remove(void)
{
    char command[PATH_MAX + 16];

    snprintf(command, sizeof command, "rm -rf '%s'", ground_dir);
    if (ground_dir[0] && system(command) != 0)
        fprintf(stderr, "# cannot remove %s\n", ground_dir);
    ground_dir[0] = '\0';
}

static inline int ground_setup(void **state)
{
    const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    ground_remove();
    snprintf(ground_dir, sizeof ground_dir, "%s/holdfast-store-XXXXXX", base);
    if (!mkdtemp(ground_dir))
        return -1;
    ground_host("a");
    return 0;
}

static inline int ground_teardown(void **state)
{
    ground_remove();
    return 0;
}

/* Fails the test with the error's own words. */
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        struct hf_error err = {0};                                                                                     \
        int ok_result_ = (call);                                                                                       \
        if (ok_result_ < 0)                                                                                            \
            fail_msg("%s: %s", #call, err.text);                                                                       \
    } while (0)

/* Wants exactly this failure, with words. */
#define FAILS(code_wanted, call)                                                                                       \
    do {                                                                                                               \
        struct hf_error err = {0};                                                                                     \
        int failed_result_ = (call);                                                                                   \
        if (failed_result_ != -(code_wanted))                                                                          \
            fail_msg("%s gave %d (%s)", #call, failed_result_, err.text);                                              \
        assert_true(err.text[0] != '\0');                                                                              \
    } while (0)

#define REFUSED(rule_wanted, call)                                                                                     \
    do {                                                                                                               \
        struct hf_error err = {0};                                                                                     \
        int refused_result_ = (call);                                                                                  \
        if (refused_result_ != -HF_EREFUSED || strcmp(err.rule, rule_wanted) != 0)                                     \
            fail_msg("%s gave %d (%s: %s)", #call, refused_result_, err.rule, err.text);                               \
    } while (0)

static const struct hf_guest ground_guest = {
    .uuid = "01234567-89ab-cdef-0123-456789abcdef", .name = "guest", .arch = "x86_64", .machine = "pc-q35-7.2"};

/* Bytes that do not compress, different for every seed. */
static inline void ground_bytes(uint8_t *bytes, size_t size, uint32_t seed)
{
    uint64_t x = 0x9e3779b97f4a7c15ULL * (seed + 1);

    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (uint8_t)x;
    }
}

/* A container with an active code image (seed 1, 200 KiB), a bank of 16 pages of which the first holds seed 2. */
static inline struct hf_container *ground_container(const char *name)
{
    static uint8_t code[200 << 10];
    struct hf_slot_info slot = {.since = NOW, .label = "first", .origin = "/usr/share/first.fd"};
    struct hf_container *c = NULL;
    uint8_t page[HF_PAGE_SIZE];

    ground_bytes(code, sizeof code, 1);
    ground_bytes(page, sizeof page, 2);
    OK(hf_container_create(ground_path(name), &ground_guest, NOW, &c, &err));
    OK(hf_begin(c, &err));
    OK(hf_image_add(c, HF_IMAGE_CODE, "first", code, sizeof code, NOW, &slot.code, &err));
    OK(hf_slot_set(c, HF_SLOT_ACTIVE, &slot, &err));
    OK(hf_bank_resize(c, HF_BANK_CODE, 256 << 10, &err));
    OK(hf_bank_resize(c, HF_BANK_VARS, BANK_SIZE, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 0, page, sizeof page, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    return c;
}

/* All that another host needs to know of a container to receive it; what it is offered is what it holds now. */
static inline struct hf_transfer_from ground_offered(struct hf_container *c)
{
    struct hf_transfer_from from = {.host = {.id = "a", .name = "host a"}};
    struct hf_owner owner;

    OK(hf_owner_get(c, &owner, &err));
    strcpy(from.container, hf_container_id(c));
    from.epoch = owner.epoch;
    from.attempt = owner.attempt + 1;
    OK(hf_transfer_digest(c, &from.digest, &err));
    return from;
}

static inline struct hf_arrived *ground_images(struct hf_container *c)
{
    struct hf_arrived *arrived = hf_arrived_new();
    struct hf_image list[HF_IMAGES_MAX];
    size_t count, size;
    uint8_t *bytes;

    OK(hf_image_list(c, list, &count, &err));
    for (size_t i = 0; i < count; i++)
        for (uint32_t n = 0; n < hf_transfer_chunks(list[i].size); n++) {
            OK(hf_transfer_chunk(c, &list[i].digest, n, &bytes, &size, &err));
            OK(hf_arrived_add(arrived, &list[i].digest, n, bytes, size, &err));
            free(bytes);
        }
    return arrived;
}

/* Makes the file that a destination receives, incoming, by the word of such a host. NULL and 0: as it is. */
static inline int ground_receive_as(const char *name, const char *to, const struct hf_host *host, uint64_t epoch,
                                    uint32_t attempt, struct hf_error *err_out)
{
    struct hf_transfer_sent sent = {0};
    struct hf_transfer_from from;
    struct hf_arrived *arrived;
    struct hf_container *c;
    uint8_t *bytes;
    size_t size;
    int r;

    OK(hf_container_open(ground_path(name), HF_OPEN_LOOK, NOW, &c, &err));
    from = ground_offered(c);
    if (host)
        from.host = *host;
    if (epoch)
        from.epoch = epoch;
    if (attempt)
        from.attempt = attempt;
    arrived = ground_images(c);
    OK(hf_transfer_write(c, &sent, &bytes, &size, &err));
    OK(hf_container_close(c, &err));
    r = hf_transfer_create(ground_path(to), &from, bytes, size, arrived, NOW, err_out);
    free(bytes);
    hf_transfer_sent_done(&sent);
    hf_arrived_free(arrived);
    return r;
}

/* The same, as it is, for the attempt after the container's last. */
static inline void ground_receive(const char *name, const char *to)
{
    OK(ground_receive_as(name, to, NULL, 0, 0, &err));
}

#endif
