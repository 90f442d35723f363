/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "domain_roms.h"
#include "domain_xml.h"

#define UUID   "b8960a51-5ffa-4f40-8e81-887af75991db"
#define CODE   "/var/lib/libvirt/holdfast/" UUID "/code.fd"
#define SOCKET "/run/holdfast-libvirt/" UUID "/vars.sock"

/* A domain with this in <os> and this behind it. */
#define DOMAIN(os_attributes, os, rest)                                                                                \
    "<domain type='kvm'><name>vm &lt;1&gt;</name><uuid>" UUID "</uuid>"                                                \
    "<os" os_attributes "><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>" os "<boot dev='hd'/></os>" rest         \
    "</domain>"

#define LOADER "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>"
#define NVRAM  "<nvram template='/t.fd'>/var/lib/libvirt/qemu/nvram/vm_VARS.fd</nvram>"
#define PLAIN  DOMAIN("", LOADER NVRAM, "<features><acpi/></features>")

static struct hf_error err;

static struct hf_domain_xml *parse(const char *text)
{
    struct hf_domain_xml *doc = NULL;

    assert_int_equal(hf_domain_xml_parse(text, strlen(text), &doc, &err), 0);
    return doc;
}

static void facts_of_a_plain_domain(void **state)
{
    struct hf_domain_xml *doc = parse(PLAIN);
    const struct hf_domain *d = hf_domain_facts(doc);

    assert_string_equal(d->name, "vm <1>");
    assert_string_equal(d->uuid, UUID);
    assert_string_equal(d->arch, "x86_64");
    assert_string_equal(d->machine, "pc-q35-7.2");
    assert_string_equal(d->loader, "/usr/share/OVMF/OVMF_CODE_4M.fd");
    assert_string_equal(d->nvram, "/var/lib/libvirt/qemu/nvram/vm_VARS.fd");
    assert_string_equal(d->nvram_template, "/t.fd");
    assert_int_equal(d->nvram_kind, HF_NVRAM_FILE);
    assert_false(d->loader_secure || d->smm || d->tpm || d->confidential || d->has_label);
    assert_int_equal(hf_domain_suitable(d, &err), 0);
    hf_domain_xml_free(doc);
}

static void labels_say_who_qemu_is(void **state)
{
    struct hf_domain_xml *doc =
        parse(DOMAIN("", LOADER,
                     "<seclabel model='dac'><label>+64055:+108</label></seclabel>"
                     "<seclabel model='selinux'><label>system_u:x:s0:c1,c2</label></seclabel>"));
    const struct hf_domain *d = hf_domain_facts(doc);

    assert_true(d->has_label);
    assert_int_equal(d->uid, 64055);
    assert_int_equal(d->gid, 108);
    assert_string_equal(d->selinux, "system_u:x:s0:c1,c2");
    hf_domain_xml_free(doc);
    doc = parse(DOMAIN("", LOADER, "<seclabel model='dac'><label>root:kvm</label></seclabel>"));
    assert_false(hf_domain_facts(doc)->has_label);
    hf_domain_xml_free(doc);
}

#define REFUSED(rule_name, text)                                                                                       \
    do {                                                                                                               \
        struct hf_domain_xml *doc_ = parse(text);                                                                      \
                                                                                                                       \
        assert_int_equal(hf_domain_suitable(hf_domain_facts(doc_), &err), -HF_EREFUSED);                               \
        assert_string_equal(err.rule, rule_name);                                                                      \
        hf_domain_xml_free(doc_);                                                                                      \
    } while (0)

static void what_does_not_fit_is_refused_by_name(void **state)
{
    REFUSED("bios", DOMAIN("", "", ""));
    REFUSED("bios", DOMAIN("", "<loader type='rom'>/usr/share/seabios/bios.bin</loader>", ""));
    REFUSED("bios", DOMAIN(" firmware='bios'", "", ""));
    REFUSED("stateless", DOMAIN("", "<loader type='pflash' stateless='yes'>/x</loader>", ""));
    REFUSED("confidential", DOMAIN("", LOADER NVRAM, "<launchSecurity type='sev'/>"));
    REFUSED("uefi-vars", DOMAIN("", LOADER "<varstore path='/x'/>", ""));
    REFUSED("nvram", DOMAIN("", LOADER "<nvram type='block'><source dev='/dev/vg/x'/></nvram>", ""));
    assert_non_null(strstr(err.text, "'/dev/vg/x': copy them to a file with 'holdfast vars export"));
    REFUSED("nvram", DOMAIN("",
                            LOADER "<nvram type='network'><source protocol='nbd'><host transport='unix' socket='/x'/>"
                                   "</source></nvram>",
                            ""));
    REFUSED("adopted",
            DOMAIN("",
                   LOADER "<nvram type='network'><source protocol='nbd'><host transport='unix' socket='" SOCKET
                          "'/></source></nvram>",
                   ""));
    REFUSED("hypervisor", "<domain type='xen'><name>x</name><uuid>" UUID "</uuid><os/></domain>");
}

static void hostile_xml_is_an_error(void **state)
{
    static const char *const bad[] = {
        "",
        "no xml",
        "<domain>",
        "<network/>",
        "<domain type='kvm'><name>x</name></domain>",
        "<domain type='kvm'><uuid>" UUID "</uuid></domain>",
        "<!DOCTYPE d [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><domain><name>&b;</name></domain>",
        "<!DOCTYPE d [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><domain><name>&f;</name><uuid>short</uuid></domain>",
    };
    char *huge = calloc(1, 70000);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hf_domain_xml *doc = NULL;

        assert_int_equal(hf_domain_xml_parse(bad[i], strlen(bad[i]), &doc, &err), -HF_EDAMAGED);
        assert_null(doc);
    }
    strcpy(huge, "<domain type='kvm'><name>");
    memset(huge + strlen(huge), 'n', 60000);
    strcat(huge, "</name><uuid>" UUID "</uuid></domain>");
    assert_int_equal(hf_domain_xml_parse(huge, strlen(huge), &(struct hf_domain_xml *){NULL}, &err), -HF_EDAMAGED);
    assert_non_null(strstr(err.text, "name"));
    free(huge);
}

/* Enters and leaves; gives the XML in between and after. */
static void there_and_back(const char *text, bool secure, char **inside, char **after)
{
    struct hf_domain_xml *doc = parse(text), *original = parse(text), *again;

    assert_int_equal(hf_domain_xml_enter(doc, CODE, SOCKET, secure, 60, inside, &err), 0);
    again = parse(*inside);
    assert_string_equal(hf_domain_facts(again)->loader, CODE);
    assert_int_equal(hf_domain_facts(again)->nvram_kind, HF_NVRAM_OURS);
    assert_string_equal(hf_domain_facts(again)->nvram, SOCKET);
    assert_int_equal(hf_domain_facts(again)->loader_secure, secure);
    assert_int_equal(hf_domain_xml_leave(again, original, NULL, NULL, secure, after, &err), 0);
    hf_domain_xml_free(doc);
    hf_domain_xml_free(original);
    hf_domain_xml_free(again);
}

static void into_a_container_and_back(void **state)
{
    char *inside, *after;

    there_and_back(PLAIN, false, &inside, &after);
    assert_non_null(strstr(inside, "<reconnect delay=\"60\"/>"));
    assert_non_null(strstr(inside, "<boot dev=\"hd\"/>"));
    assert_non_null(strstr(inside, "vm &lt;1&gt;"));
    assert_null(strstr(inside, "OVMF_CODE_4M"));
    assert_non_null(strstr(after, "<nvram template=\"/t.fd\">/var/lib/libvirt/qemu/nvram/vm_VARS.fd</nvram>"));
    assert_non_null(strstr(after, "/usr/share/OVMF/OVMF_CODE_4M.fd</loader>"));
    assert_null(strstr(after, "holdfast"));
    free(inside);
    free(after);
}

static void what_libvirt_chose_by_itself_comes_back(void **state)
{
    static const char chosen[] =
        DOMAIN(" firmware='efi'", "<firmware><feature enabled='yes' name='secure-boot'/></firmware>",
               "<features><acpi/></features>");
    char *inside, *after;

    there_and_back(chosen, true, &inside, &after);
    assert_null(strstr(inside, "firmware=\"efi\""));
    assert_null(strstr(inside, "secure-boot"));
    assert_non_null(strstr(inside, "<smm state=\"on\"/>"));
    assert_non_null(strstr(after, "<os firmware=\"efi\">"));
    assert_non_null(strstr(after, "secure-boot"));
    assert_null(strstr(after, "smm"));
    assert_null(strstr(after, "loader"));
    free(inside);
    free(after);
}

static void leaving_with_files_of_its_own(void **state)
{
    struct hf_domain_xml *doc = parse(PLAIN), *original = parse(DOMAIN(" firmware='efi'", "", ""));
    char *after;

    assert_int_equal(hf_domain_xml_leave(doc, original, "/own/code.fd", "/own/vars.fd", false, &after, &err), 0);
    assert_non_null(strstr(after, ">/own/code.fd</loader>"));
    assert_non_null(strstr(after, "<nvram>/own/vars.fd</nvram>"));
    assert_null(strstr(after, "firmware="));
    free(after);
    hf_domain_xml_free(doc);
    hf_domain_xml_free(original);
}

static void the_host_where_it_runs_is_in_its_metadata(void **state)
{
    static const char before[] = "<metadata><other:source xmlns:other='urn:other' host='no'/><source host='no'/>";
    char text[1024];
    struct hf_domain_xml *doc;

    snprintf(text, sizeof text, DOMAIN("", LOADER, "%s<h:source xmlns:h='urn:holdfast:libvirt' host='%s'/></metadata>"),
             before, "node1");
    doc = parse(text);
    assert_string_equal(hf_domain_facts(doc)->origin, "node1");
    hf_domain_xml_free(doc);
    snprintf(text, sizeof text, DOMAIN("", LOADER, "%s</metadata>"), before);
    doc = parse(text);
    assert_string_equal(hf_domain_facts(doc)->origin, "");
    hf_domain_xml_free(doc);
}

/* Devices whose ROM is the host's are firmware that the container does not hold (L1). */
static void roms_from_the_host_are_counted(void **state)
{
    static const struct {
        const char *devices;
        size_t host, files;
        const char *words;
    } rows[] = {
        {"", 0, 0, ""},
        {"<interface><model type='virtio'/></interface><video><model type='vga'/></video>", 2, 0,
         "interface virtio, video vga"},
        {"<interface/>", 1, 0, "interface ?"},
        {"<interface><rom file='/r.rom'/></interface>", 0, 1, ""},
        {"<interface><rom file=''/></interface><interface><rom enabled='no'/></interface>", 0, 0, ""},
        {"<interface><rom bar='off'/></interface><video><model type='none'/></video>", 0, 0, ""},
        {"<interface><rom bar='on'/><model type='e1000e'/></interface>", 1, 0, "interface e1000e"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char xml[1024];
        struct hf_domain_roms roms;
        struct hf_domain_xml *doc;

        snprintf(xml, sizeof xml, DOMAIN("", LOADER NVRAM, "<devices>%s</devices>"), rows[i].devices);
        doc = parse(xml);
        hf_domain_roms(doc, &roms);
        assert_int_equal(roms.host, rows[i].host);
        assert_int_equal(roms.files, rows[i].files);
        assert_string_equal(roms.words, rows[i].words);
        hf_domain_xml_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_a_plain_domain),
        cmocka_unit_test(the_host_where_it_runs_is_in_its_metadata),
        cmocka_unit_test(labels_say_who_qemu_is),
        cmocka_unit_test(what_does_not_fit_is_refused_by_name),
        cmocka_unit_test(hostile_xml_is_an_error),
        cmocka_unit_test(into_a_container_and_back),
        cmocka_unit_test(what_libvirt_chose_by_itself_comes_back),
        cmocka_unit_test(leaving_with_files_of_its_own),
        cmocka_unit_test(roms_from_the_host_are_counted),
    };

    return cmocka_run_group_tests_name("libvirt-domain_xml", tests, NULL, NULL);
}
