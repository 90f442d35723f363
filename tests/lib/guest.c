/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banks.h"
#include "images.h"
#include "settings.h"
#include "slots.h"
#include "whole_file.h"

struct image code_4m, code_2m, code_smm, vars_4m, vars_2m, vars_ms;

static const struct {
    struct image *image;
    const char *path;
} files[] = {
    {&code_4m, "/usr/share/OVMF/OVMF_CODE_4M.fd"},
    {&code_2m, "/usr/share/OVMF/OVMF_CODE.fd"},
    {&code_smm, "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"},
    {&vars_4m, "/usr/share/OVMF/OVMF_VARS_4M.fd"},
    {&vars_2m, "/usr/share/OVMF/OVMF_VARS.fd"},
    {&vars_ms, "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"},
};

int images_load(void **state)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        uint64_t size = 0;

        if (hf_file_read(files[i].path, 16 << 20, &files[i].image->bytes, &size, NULL) == 0)
            files[i].image->size = (size_t)size;
    }
    return 0;
}

int images_free(void **state)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        free(files[i].image->bytes);
    return 0;
}

bool images_missing(void)
{
    if (code_4m.bytes && vars_4m.bytes && code_2m.bytes && vars_2m.bytes)
        return false;
    print_message("# SKIP Debian's OVMF images are not installed in /usr/share/OVMF\n");
    return true;
}

/* The last 16 bytes before the reset code of OVMF's boot block hold nothing but padding; the first volume's header is
 * followed by its own. A byte of the volume's padding file is used: found as a run of 0xFF. */
uint8_t *variant(const struct image *image, unsigned n)
{
    uint8_t *bytes = malloc(image->size);
    size_t run = 0, at = image->size;

    assert_non_null(bytes);
    memcpy(bytes, image->bytes, image->size);
    while (n != 0 && at > 0 && run < 64)
        run = bytes[--at] == 0xFF ? run + 1 : 0;
    if (n != 0) {
        assert_int_equal(run, 64);
        snprintf((char *)bytes + at + 16, 24, "variant %u", n);
    }
    return bytes;
}

static void create(struct guest *g, const char *machine, const struct image *code, const struct image *vars)
{
    struct hf_guest who = {.uuid = "6c6b3a8e-36ac-4f0e-a4a5-0a3f6e9d2b11", .name = "test", .arch = "x86_64"};
    struct hf_slot_info slot = {.since = NOW, .label = "first"};

    snprintf(who.machine, sizeof who.machine, "%s", machine ? machine : "pc-q35-7.2");
    ok(hf_container_create(g->path, &who, NOW, &g->c, &why));
    ok(hf_begin(g->c, &why));
    ok(hf_image_add(g->c, HF_IMAGE_CODE, "first", code->bytes, code->size, NOW, &slot.code, &why));
    ok(hf_slot_set(g->c, HF_SLOT_ACTIVE, &slot, &why));
    ok(hf_bank_resize(g->c, HF_BANK_CODE, code->size, &why));
    ok(hf_bank_replace(g->c, HF_BANK_VARS, vars->bytes, vars->size, &why));
    ok(hf_commit(g->c, HF_DURABLE, &why));
}

static void set(struct guest *g, const char *setting)
{
    char key[64];
    const char *value = strchr(setting, '=') + 1;

    snprintf(key, sizeof key, "%.*s", (int)(value - setting - 1), setting);
    ok(hf_begin(g->c, &why));
    ok(hf_setting_set(g->c, key, value, NOW, &why));
    ok(hf_commit(g->c, HF_DURABLE, &why));
}

void guest_host(const struct guest *g)
{
    char path[sizeof g->path];

    snprintf(path, sizeof path, "%s/run", g->dir);
    setenv("HOLDFAST_RUNTIME_DIR", path, 1);
    snprintf(path, sizeof path, "%s/state", g->dir);
    setenv("HOLDFAST_STATE_DIR", path, 1);
}

static void start(struct guest *g, const char *machine, const struct image *code, const struct image *vars,
                  const char *const *settings)
{
    memset(g, 0, sizeof *g);
    g->now = NOW;
    snprintf(g->boot_id, sizeof g->boot_id, "host-boot-1");
    snprintf(g->dir, sizeof g->dir, "%s/hf-lifecycle-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(g->dir));
    guest_host(g);
    snprintf(g->path, sizeof g->path, "%s/g.hold", g->dir);
    create(g, machine, code, vars);
    for (; settings && *settings; settings++)
        set(g, *settings);
    guest_reopen(g);
}

void guest_new(struct guest *g, const char *machine, const char *const *settings)
{
    start(g, machine, &code_4m, &vars_4m, settings);
}

void guest_new_of(struct guest *g, const struct image *code, const struct image *vars, const char *const *settings)
{
    start(g, NULL, code, vars, settings);
}

void guest_reopen(struct guest *g)
{
    if (g->c)
        ok(hf_container_close(g->c, &why));
    g->c = NULL;
    ok(hf_container_open(g->path, HF_OPEN_RUN, g->now, &g->c, &why));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

void guest_free(struct guest *g)
{
    ok(hf_container_close(g->c, &why));
    (void)nftw(g->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int guest_try_stage(struct guest *g, const struct image *image, unsigned n, bool tpm_aware, struct hf_error *err)
{
    struct hf_stage_request request = {
        .size = image->size, .origin = "/somewhere/code.fd", .tpm_aware = tpm_aware, .now = g->now};
    struct hf_stage_report report;
    uint8_t *bytes = variant(image, n);
    int r;

    request.bytes = bytes;
    r = hf_stage(g->c, &request, &report, err);
    free(bytes);
    return r;
}

struct hf_digest guest_stage(struct guest *g, unsigned n)
{
    uint8_t *bytes = variant(&code_4m, n);
    struct hf_digest d = hf_digest_of(bytes, code_4m.size);

    free(bytes);
    ok(guest_try_stage(g, &code_4m, n, false, &why));
    return d;
}

struct hf_boot guest_boot(struct guest *g, enum hf_moment moment)
{
    return (struct hf_boot){.moment = moment, .now = g->now, .boot_id = g->boot_id, .vmm = "7.2", .pinned = true};
}

struct hf_boot_plan guest_power_on(struct guest *g)
{
    struct hf_boot boot = guest_boot(g, HF_MOMENT_POWER_ON);
    struct hf_boot_plan plan;

    ok(hf_lifecycle_power_on(g->c, &boot, &plan, &why));
    ok(hf_lifecycle_opened(g->c, &boot, &why));
    return plan;
}

struct hf_boot_plan guest_start(struct guest *g)
{
    struct hf_boot boot = guest_boot(g, HF_MOMENT_POWER_ON);
    struct hf_boot_plan plan;

    ok(hf_lifecycle_power_on(g->c, &boot, &plan, &why));
    return plan;
}

struct hf_boot_plan guest_reset(struct guest *g, enum hf_ending ending, const char *held)
{
    struct hf_boot boot = guest_boot(g, HF_MOMENT_WARM_RESET);
    struct hf_boot_plan plan;

    boot.held = held;
    ok(hf_lifecycle_reset(g->c, &boot, ending, &plan, &why));
    if (plan.action == HF_BOOT_RESTART) {
        ok(hf_lifecycle_power_on(g->c, &boot, &plan, &why));
        ok(hf_lifecycle_opened(g->c, &boot, &why));
    }
    return plan;
}

struct hf_life_record guest_record(struct guest *g)
{
    struct hf_life_record record;

    ok(hf_life_load(g->c, &record, &why));
    return record;
}

static struct hf_digest bank(struct guest *g, enum hf_bank which)
{
    struct hf_digest d;

    ok(hf_bank_digest(g->c, which, &d, &why));
    return d;
}

struct hf_digest guest_code(struct guest *g)
{
    return bank(g, HF_BANK_CODE);
}

struct hf_digest guest_vars(struct guest *g)
{
    return bank(g, HF_BANK_VARS);
}

void guest_write(struct guest *g, uint64_t offset, const char *text)
{
    ok(hf_begin(g->c, &why));
    ok(hf_bank_write(g->c, HF_BANK_VARS, offset, text, strlen(text), NULL, &why));
    ok(hf_commit(g->c, HF_SOON, &why));
}

void same(struct hf_digest a, struct hf_digest b)
{
    assert_memory_equal(a.b, b.b, HF_DIGEST_SIZE);
}
