/* SPDX-License-Identifier: BSD-2-Clause */
/* What QEMU lists of the devices on its buses, and that the whole machine takes one question. */
#include "unit.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device_tree.h"
#include "machine_devices.h"
#include "rom_names.h"

/* As QEMU 7.2 prints it, shortened. */
static const char sample[] = "bus: main-system-bus\r\n"
                             "  type System\r\n"
                             "  dev: ps2-mouse, id \"\"\r\n"
                             "  dev: q35-pcihost, id \"\"\r\n"
                             "    MCFG = 2952790016 (0xb0000000)\r\n"
                             "    bus: pcie.0\r\n"
                             "      type PCIE\r\n"
                             "      dev: virtio-scsi-pci, id \"s0\"\r\n"
                             "        romfile = \"\"\r\n"
                             "        rombar = 1 (0x1)\r\n"
                             "        bus: virtio-bus\r\n"
                             "          type virtio-pci-bus\r\n"
                             "          dev: virtio-scsi-device, id \"\"\r\n"
                             "            bus: s0.0\r\n"
                             "              type SCSI\r\n"
                             "              dev: scsi-hd, id \"\"\r\n"
                             "                drive = \"d0\"\r\n"
                             "      dev: VGA, id \"\"\r\n"
                             "        romfile = \"vgabios-stdvga.bin\"\r\n"
                             "        rombar = 1 (0x1)\r\n"
                             "      dev: e1000e, id \"n1\"\r\n"
                             "        romfile = \"/home/me/own.rom\"\r\n"
                             "        rombar = -1 (0xffffffffffffffff)\r\n"
                             "      dev: ich9-ahci, id \"\"\r\n"
                             "        romfile = <null>\r\n"
                             "        rombar = 1 (0x1)\r\n"
                             "        bus: ide.0\r\n"
                             "          dev: ide-cd, id \"\"\r\n"
                             "  dev: fw_cfg_io, id \"\"\r\n";

static int note_device(void *ctx, const char *type, const char *controller, struct hf_error *err)
{
    char *all = ctx;

    snprintf(all + strlen(all), 1024 - strlen(all), "%s<%s ", type, controller);
    return 0;
}

static int note_romfile(void *ctx, const char *name, struct hf_error *err)
{
    char *all = ctx;

    snprintf(all + strlen(all), 1024 - strlen(all), "[%s] ", name);
    return 0;
}

static void every_device_has_its_controller_and_its_rom(void **state)
{
    char all[1024] = "";
    const struct hf_device_visitor visitor = {note_device, note_romfile, all};

    assert_int_equal(hf_device_tree_parse(sample, &visitor, NULL), 0);
    assert_string_equal(all, "ps2-mouse< q35-pcihost< virtio-scsi-pci<q35-pcihost virtio-scsi-device<virtio-scsi-pci "
                             "scsi-hd<virtio-scsi-device VGA<q35-pcihost [vgabios-stdvga.bin] e1000e<q35-pcihost "
                             "[/home/me/own.rom] ich9-ahci<q35-pcihost ide-cd<ich9-ahci fw_cfg_io< ");
}

static void refused(const char *text, const char *words)
{
    const struct hf_device_visitor nobody = {.device = NULL};
    struct hf_error err;

    if (hf_device_tree_parse(text, &nobody, &err) != -HF_EPROTO || !strstr(err.text, words))
        fail_msg("'%.60s' was not refused with '%s'", text, words);
}

/* A list that lost a device's ROM would leave that ROM to the host. */
static void what_is_no_such_list_is_no_answer(void **state)
{
    char deep[16384] = "bus: main-system-bus\n", line[256];

    refused("", "does not begin");
    refused("unknown command: 'info qtree'\n", "does not begin");
    refused("bus: main-system-bus\n  type System\n", "empty");
    refused("bus: main-system-bus\n  dev: VGA, id \"\"\n    rombar = 1 (0x1)\n", "without the name of its ROM");
    refused("bus: main-system-bus\n  dev: VGA, id \"\"\n    romfile = \"a\"\n", "without the name of its ROM");
    refused("bus: main-system-bus\n  dev: , id \"\"\n", "without a type");
    refused("bus: main-system-bus\n  dev: a b, id \"\"\n", "without a type");
    snprintf(line, sizeof line, "bus: main-system-bus\n  dev: %080d, id\n", 0);
    refused(line, "without a type");
    for (int i = 0; i <= HF_DEVICE_DEPTH_MAX; i++) {
        snprintf(line, sizeof line, "%*sdev: bridge, id \"\"\n", 2 * i + 2, "");
        strcat(deep, line);
    }
    refused(deep, "too many buses");
}

static void a_name_may_be_only_so_long(void **state)
{
    const struct hf_device_visitor nobody = {.device = NULL};
    char text[1024];

    snprintf(text, sizeof text, "bus: main-system-bus\n  dev: VGA, id\n    romfile = \"%0*d\"\n    rombar = 1\n",
             HF_DEVICE_VALUE_SIZE, 0);
    refused(text, "too long a name");
    snprintf(text, sizeof text, "bus: main-system-bus\n  dev: VGA, id\n    romfile = \"%0*d\"\n    rombar = 1\n",
             HF_DEVICE_VALUE_SIZE - 1, 0);
    assert_int_equal(hf_device_tree_parse(text, &nobody, NULL), 0);
}

/* ---- a QEMU that gives its answers in turn, whatever it is asked ---- */

struct peer {
    struct hf_loop loop;
    struct hf_monitor *monitor;
    int qemu;
    json_t *answers; /* to the commands after the one that agrees on the protocol */
    pthread_t thread;
};

static void say(int fd, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    if (write(fd, text, strlen(text)) < 0 || write(fd, "\n", 1) < 0)
        abort();
    free(text);
    json_decref(json);
}

static void *serve(void *ctx)
{
    struct peer *p = ctx;
    FILE *in = fdopen(dup(p->qemu), "r");
    char line[1024];

    say(p->qemu, json_pack("{s:{s:{s:{s:i,s:i,s:i}}}}", "QMP", "version", "qemu", "major", 7, "minor", 2, "micro", 0));
    for (size_t i = 0; fgets(line, sizeof line, in); i++)
        say(p->qemu, i == 0 ? json_pack("{s:{}, s:i}", "return", "id", 1)
                            : json_pack("{s:O, s:i}", "return", json_array_get(p->answers, i - 1), "id", (int)i + 1));
    fclose(in);
    return NULL;
}

static void set_up(struct peer *p, json_t *answers)
{
    int pair[2];

    assert_non_null(answers);
    p->answers = answers;
    hf_loop_init(&p->loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    p->qemu = pair[1];
    assert_int_equal(hf_monitor_new(pair[0], &p->loop, &p->monitor, NULL), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
    assert_int_equal(hf_monitor_wait_ready(p->monitor, 60000, NULL), 0);
}

static void tear_down(struct peer *p)
{
    hf_monitor_free(p->monitor);
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    close(p->qemu);
    json_decref(p->answers);
}

/* There is no answer to a third. */
static void the_roms_of_any_machine_take_two_questions(void **state)
{
    struct hf_rom_names names;
    struct peer p;

    set_up(&p, json_pack("[{s:s}, s]", "human-readable-text", "fw=genroms/kvmvapic.bin size=1\n", sample));
    assert_int_equal(hf_machine_roms_loaded(p.monitor, &names, NULL), 0);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.name[0], "kvmvapic.bin");
    assert_string_equal(names.name[1], "vgabios-stdvga.bin");
    tear_down(&p);
}

static void its_devices_take_four(void **state)
{
    char list[1024];
    struct peer p;

    set_up(&p, json_pack("[[{s:s,s:s}], [{s:s,s:s},{s:s,s:s}], [], s]", "name", "device[0]", "type", "child<ich9-ahci>",
                         "name", "s0", "type", "child<virtio-scsi-pci>", "name", "type", "type", "string", sample));
    assert_int_equal(hf_machine_devices(p.monitor, list, sizeof list, NULL), 0);
    assert_string_equal(list, "ich9-ahci virtio-scsi-pci virtio-scsi-device/drive ich9-ahci/drive ");
    tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_device_has_its_controller_and_its_rom),
        cmocka_unit_test(what_is_no_such_list_is_no_answer),
        cmocka_unit_test(a_name_may_be_only_so_long),
        cmocka_unit_test(the_roms_of_any_machine_take_two_questions),
        cmocka_unit_test(its_devices_take_four),
    };

    return cmocka_run_group_tests_name("qemu-device_tree", tests, NULL, NULL);
}
