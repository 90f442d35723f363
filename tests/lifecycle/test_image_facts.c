/* SPDX-License-Identifier: BSD-2-Clause */
/* An image is looked into once, and nothing but its own bytes says what it is. */
#include "guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32.h"
#include "images.h"
#include "inspect.h"
#include "provision.h"

static struct hf_firmware active_of(struct guest *g)
{
    struct hf_firmware fw;

    ok(hf_firmware_of_slot(g->c, HF_SLOT_ACTIVE, &fw, &why));
    return fw;
}

/* The only file of the cache; its size. */
static size_t find_kept(const struct guest *g, char path[PATH_MAX])
{
    char dir[sizeof g->dir + 16];
    struct stat st;
    unsigned count = 0;
    DIR *d;

    snprintf(dir, sizeof dir, "%s/run/cache", g->dir);
    d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.') {
            snprintf(path, PATH_MAX, "%s/%.64s", dir, e->d_name);
            count++;
        }
    (void)closedir(d);
    assert_int_equal(count, 1);
    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

/* The file with other words for the image's version in it, as nothing but this test would write it: who reads it again
 * says them. */
static void mark_kept(const struct guest *g, const char *version)
{
    struct hf_flash_image image;
    uint32_t key_size, crc;
    uint8_t bytes[8192];
    char path[PATH_MAX];
    size_t size = find_kept(g, path);
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0 && size < sizeof bytes);
    assert_int_equal(read(fd, bytes, size), size);
    memcpy(&key_size, bytes + 16, sizeof key_size);
    memcpy(&image, bytes + size - sizeof image, sizeof image);
    snprintf(image.version, sizeof image.version, "%s", version);
    memcpy(bytes + size - sizeof image, &image, sizeof image);
    crc = hf_crc32(0, bytes + 28, size - 28);
    memcpy(bytes + 24, &crc, sizeof crc);
    assert_int_equal(pwrite(fd, bytes, size, 0), size);
    (void)close(fd);
}

static void an_image_is_looked_into_once(void **state)
{
    struct hf_firmware first, again;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    first = active_of(&g);
    assert_int_equal(first.image.kind, HF_FLASH_OVMF);
    assert_int_equal(first.image.secure_boot, HF_YES);
    again = active_of(&g);
    assert_memory_equal(&again.image, &first.image, sizeof first.image);
    mark_kept(&g, "kept");
    assert_string_equal(active_of(&g).image.version, "kept");
    guest_power_on(&g); /* nothing of it looks again */
    guest_reopen(&g);
    assert_string_equal(active_of(&g).image.version, "kept");
    guest_free(&g);
}

static void so_is_one_that_a_container_is_made_of(void **state)
{
    struct hf_provision p = {.guest = {.arch = "x86_64", .machine = "q35"}, .code_origin = "code.fd", .now = NOW};
    struct hf_provisioned made;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    p.code = code_4m.bytes;
    p.code_size = code_4m.size;
    ok(hf_provision_check(&p, &made, &why));
    mark_kept(&g, "kept");
    assert_string_equal(active_of(&g).image.version, "kept");
    guest_free(&g);
}

static void another_image_is_looked_into_for_itself(void **state)
{
    struct hf_firmware fw;
    struct guest g;
    uint8_t *other;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    (void)active_of(&g);
    mark_kept(&g, "kept");
    other = variant(&code_4m, 1);
    ok(hf_firmware_inspect(other, code_4m.size, NULL, &fw, &why));
    assert_string_not_equal(fw.image.version, "kept");
    free(other);
    guest_free(&g);
}

/* Makes a container's active image one that has the name of other bytes, as a stranger's container may. */
static void misname_active(struct guest *g, const struct hf_digest *name)
{
    struct hf_slot_info slot;
    struct hf_packed_image packed;

    ok(hf_image_pack(code_4m.bytes, code_4m.size, &packed, &why));
    packed.digest = *name;
    ok(hf_slot_get(g->c, HF_SLOT_ACTIVE, &slot, &why));
    ok(hf_begin(g->c, &why));
    ok(hf_image_add_packed(g->c, HF_IMAGE_CODE, "forged", &packed, NOW, &slot.code, &why));
    ok(hf_slot_set(g->c, HF_SLOT_ACTIVE, &slot, &why));
    ok(hf_commit(g->c, HF_DURABLE, &why));
    hf_packed_image_done(&packed);
}

static void a_name_that_is_known_does_not_vouch_for_bytes(void **state)
{
    struct hf_firmware smm, fw;
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    if (!code_smm.bytes)
        skip();
    guest_new(&g, NULL, NULL);
    ok(hf_firmware_inspect(code_smm.bytes, code_smm.size, NULL, &smm, &why));
    misname_active(&g, &smm.digest);
    assert_int_equal(hf_firmware_of_slot(g.c, HF_SLOT_ACTIVE, &fw, &err), -HF_EDAMAGED);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_looked_into_once),
        cmocka_unit_test(so_is_one_that_a_container_is_made_of),
        cmocka_unit_test(another_image_is_looked_into_for_itself),
        cmocka_unit_test(a_name_that_is_known_does_not_vouch_for_bytes),
    };

    return cmocka_run_group_tests_name("lifecycle-image_facts", tests, images_load, images_free);
}
