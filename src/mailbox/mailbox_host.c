/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_host.h"

#include <stdatomic.h>
#include <string.h>

#include "cleanup.h"
#include "shared_words.h"

static const char *const stage_names[] = {
    [HF_MAILBOX_STAGE_NONE] = "none",
    [HF_MAILBOX_STAGE_STARTED] = "started",
    [HF_MAILBOX_STAGE_READY_TO_BOOT] = "ready-to-boot",
    [HF_MAILBOX_STAGE_EXIT_BOOT] = "exit-boot-services",
};
_Static_assert(HF_ARRAY_SIZE(stage_names) == HF_MAILBOX_STAGE_MAX, "one name per stage");

static const char *const loader_names[] = {
    [HF_MAILBOX_LOADER_NONE] = "none",
    [HF_MAILBOX_LOADER_INSTALLED] = "installed",
    [HF_MAILBOX_LOADER_NO_FILES] = "no-files",
    [HF_MAILBOX_LOADER_BAD_FILES] = "bad-files",
    [HF_MAILBOX_LOADER_BAD_SCRIPT] = "bad-script",
    [HF_MAILBOX_LOADER_NO_MEMORY] = "no-memory",
    [HF_MAILBOX_LOADER_REFUSED] = "refused",
};
_Static_assert(HF_ARRAY_SIZE(loader_names) == HF_MAILBOX_LOADER_MAX, "one name per outcome");

/* ---- shared memory, one word at a time ---- */

static uint32_t get_word(const struct hf_mailbox *m, size_t offset)
{
    return hf_shared_get(m->window, offset);
}

static void put_word(struct hf_mailbox *m, size_t offset, uint32_t value)
{
    hf_shared_put(m->window, offset, value);
}

static void copy_out(const struct hf_mailbox *m, size_t offset, void *to, size_t size)
{
    hf_shared_read(m->window, offset, to, size);
}

static void copy_in(struct hf_mailbox *m, size_t offset, const void *from, size_t size)
{
    hf_shared_write(m->window, offset, from, size);
}

#define GUEST(field) (HF_MAILBOX_GUEST_AT + offsetof(struct hf_mailbox_guest, field))
#define HOST(field)  (HF_MAILBOX_HOST_AT + offsetof(struct hf_mailbox_host, field))

/* ---- the host's half ---- */

static void put_directory(struct hf_mailbox *m)
{
    size_t size;
    const void *directory = hf_negotiate_directory(m->negotiate, &size);

    copy_in(m, HF_MAILBOX_DOMAINS_AT, directory, size);
}

static void put_head(struct hf_mailbox *m, size_t directory_size)
{
    struct hf_mailbox_host head = {
        .version = hf_le32_of(HF_MAILBOX_VERSION),
        .generation = hf_le32_of(m->generation),
        .domains_at = hf_le32_of(HF_MAILBOX_DOMAINS_AT),
        .domains_size = hf_le32_of((uint32_t)directory_size),
    };

    memcpy(head.magic, HF_MAILBOX_HOST_MAGIC, sizeof head.magic);
    hf_negotiate_no_answer(m->negotiate, &head.answer);
    copy_in(m, HF_MAILBOX_HOST_AT, &head, sizeof head);
}

int hf_mailbox_publish(uint8_t *window, struct hf_negotiate *negotiate, uint32_t generation, struct hf_mailbox *ret,
                       struct hf_error *err)
{
    struct hf_mailbox m = {.window = window, .negotiate = negotiate, .generation = generation};
    size_t size;

    (void)hf_negotiate_directory(negotiate, &size);
    if (size > HF_MAILBOX_PIECE_AT - HF_MAILBOX_DOMAINS_AT)
        return hf_error_set(err, HF_EUSAGE, "mailbox: directory too large: %zu bytes; the window has %u", size,
                            HF_MAILBOX_PIECE_AT - HF_MAILBOX_DOMAINS_AT);
    m.files_end = (HF_MAILBOX_DOMAINS_AT + size + HF_MAILBOX_PAGE - 1) & ~(size_t)(HF_MAILBOX_PAGE - 1);
    put_directory(&m);
    put_head(&m, size);
    atomic_thread_fence(memory_order_release);
    *ret = m;
    return 0;
}

void hf_mailbox_withdraw(uint8_t *window)
{
    static const uint8_t nothing[HF_MAILBOX_PAGE];

    hf_shared_write(window, HF_MAILBOX_HOST_AT, nothing, sizeof nothing);
    atomic_thread_fence(memory_order_release);
}

static void answer(struct hf_mailbox *m, uint32_t ask, struct hf_mailbox_news *news)
{
    struct hf_negotiate_request request;
    struct hf_negotiate_answer reply;

    copy_out(m, GUEST(request), &request, sizeof request);
    news->asked = true;
    news->status = hf_negotiate_request(m->negotiate, &request, sizeof request, &reply);
    memcpy(news->domain, request.domain, sizeof news->domain);
    news->domain[sizeof news->domain - 1] = '\0';
    news->wanted = request.wanted;
    news->bit = hf_le32_get(reply.bit);
    if (m->keep && m->keep(m->opaque, news) < 0) {
        news->asked = false;
        return;
    }
    put_directory(m);
    copy_in(m, HOST(answer), &reply, sizeof reply);
    put_word(m, HOST(answered), ask);
    m->answered = ask;
}

/* A stage that was reached is never taken back but by a reset. */
static void look_at_stage(struct hf_mailbox *m, struct hf_mailbox_news *news)
{
    uint32_t stage = get_word(m, GUEST(stage));

    if (stage <= m->stage || stage >= HF_MAILBOX_STAGE_MAX)
        return;
    m->stage = (enum hf_mailbox_stage)stage;
    news->moved_on = true;
    news->stage = m->stage;
}

/* The first outcome that is one counts, until the next reset. */
static void look_at_loader(struct hf_mailbox *m, struct hf_mailbox_news *news)
{
    uint32_t loader = get_word(m, GUEST(loader));

    if (m->loader != HF_MAILBOX_LOADER_NONE || loader == HF_MAILBOX_LOADER_NONE || loader >= HF_MAILBOX_LOADER_MAX)
        return;
    m->loader = (enum hf_mailbox_loader)loader;
    news->loaded = true;
    news->loader = m->loader;
}

bool hf_mailbox_poll(struct hf_mailbox *m, struct hf_mailbox_news *news)
{
    uint8_t magic[4];
    uint32_t ask;

    *news = (struct hf_mailbox_news){.asked = false};
    copy_out(m, GUEST(magic), magic, sizeof magic);
    if (memcmp(magic, HF_MAILBOX_GUEST_MAGIC, sizeof magic) != 0 || get_word(m, GUEST(version)) != HF_MAILBOX_VERSION)
        return false;
    look_at_stage(m, news);
    look_at_loader(m, news);
    ask = get_word(m, GUEST(ask));
    /* A question put to another generation is put again by the guest. */
    if (ask != m->answered && ask != 0 && get_word(m, GUEST(generation)) == m->generation)
        answer(m, ask, news);
    return news->asked || news->moved_on || news->loaded;
}

void hf_mailbox_refresh(struct hf_mailbox *m)
{
    put_directory(m);
    atomic_thread_fence(memory_order_release);
}

void hf_mailbox_reset(struct hf_mailbox *m)
{
    static const uint8_t nothing[HF_MAILBOX_PAGE];
    size_t size;

    hf_negotiate_reset(m->negotiate);
    copy_in(m, HF_MAILBOX_GUEST_AT, nothing, sizeof nothing);
    m->answered = 0;
    m->stage = HF_MAILBOX_STAGE_NONE;
    m->loader = HF_MAILBOX_LOADER_NONE;
    (void)hf_negotiate_directory(m->negotiate, &size);
    put_directory(m);
    put_head(m, size);
    atomic_thread_fence(memory_order_release);
}

/* ---- files ---- */

static int check_files(const struct hf_mailbox *m, const struct hf_mailbox_blob *files, size_t count,
                       struct hf_error *err)
{
    size_t room = HF_MAILBOX_PIECE_AT - m->files_end, need = count * sizeof(struct hf_mailbox_file);

    if (count > HF_MAILBOX_FILES_MAX)
        return hf_error_set(err, HF_EUSAGE, "mailbox: too many files: %zu; the limit is %u", count,
                            HF_MAILBOX_FILES_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(files[i].name);

        if (length == 0 || length >= sizeof((struct hf_mailbox_file *)NULL)->name)
            return hf_error_set(err, HF_EUSAGE, "mailbox: file name '%s': invalid length of %zu bytes; use 1 to 55",
                                files[i].name, length);
        if (files[i].size > room)
            return hf_error_set(err, HF_ENOSPC,
                                "mailbox: file '%s': too large: %zu bytes; the window has space for %zu", files[i].name,
                                files[i].size, room);
        need += (files[i].size + 3) & ~(size_t)3;
    }
    if (need > room)
        return hf_error_set(err, HF_ENOSPC, "mailbox: files too large: %zu bytes; the window has space for %zu", need,
                            room);
    return 0;
}

int hf_mailbox_put_files(struct hf_mailbox *m, const struct hf_mailbox_blob *files, size_t count, struct hf_error *err)
{
    size_t rows = m->files_end, at = rows + count * sizeof(struct hf_mailbox_file);
    int r = check_files(m, files, count, err);

    if (r < 0)
        return r;
    put_word(m, HOST(file_count), 0);
    for (size_t i = 0; i < count; i++) {
        struct hf_mailbox_file row = {.at = hf_le32_of((uint32_t)at), .size = hf_le32_of((uint32_t)files[i].size)};

        memcpy(row.name, files[i].name, strlen(files[i].name));
        copy_in(m, rows + i * sizeof row, &row, sizeof row);
        copy_in(m, at, files[i].bytes, files[i].size);
        at += (files[i].size + 3) & ~(size_t)3;
    }
    put_word(m, HOST(files_at), (uint32_t)rows);
    put_word(m, HOST(file_count), (uint32_t)count);
    return 0;
}

const char *hf_mailbox_stage_name(enum hf_mailbox_stage stage)
{
    return (unsigned)stage < HF_MAILBOX_STAGE_MAX ? stage_names[stage] : "?";
}

const char *hf_mailbox_loader_name(enum hf_mailbox_loader loader)
{
    return (unsigned)loader < HF_MAILBOX_LOADER_MAX ? loader_names[loader] : "?";
}
