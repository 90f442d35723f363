/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "cleanup.h"
#include "stub_arguments.h"

/* Words separated by single spaces, in and out. */
static const char *stubbed(const char *words, char **told)
{
    static char copy[1024], out[4096], left[1024];
    char *argv[64], *rest = copy;
    struct hf_stub stub;
    int argc = 0;

    snprintf(copy, sizeof copy, "%s", words);
    while (*copy && rest)
        argv[argc++] = strsep(&rest, " ");
    assert_int_equal(hf_stub_arguments(argc, argv, &stub, NULL), 0);
    out[0] = left[0] = '\0';
    for (size_t i = 0; i < stub.words.count; i++)
        sprintf(out + strlen(out), "%s%s", i ? " " : "", stub.words.at[i]);
    for (size_t i = 0; i < stub.left_out.count; i++)
        sprintf(left + strlen(left), "%s%s", i ? "; " : "", stub.left_out.at[i]);
    hf_stub_done(&stub);
    if (told)
        *told = left;
    return out;
}

#define DISK "file.driver=null-co,file.read-zeroes=on,file.size=1G,format=raw"

static void the_machine_stays_and_the_host_goes(void **state)
{
    static const struct {
        const char *words, *stub, *told;
    } cases[] = {
        {"-m 4G -smp 4,sockets=2 -M q35,accel=kvm,hpet=off", "-m 4G -smp 4,sockets=2 -machine hpet=off", ""},
        {"-machine type=pc-q35-7.2,kernel_irqchip=split,smm=on", "-machine smm=on", ""},
        {"-machine virt,dumpdtb=/x,gic-version=3", "-machine gic-version=3", ""},
        {"-machine smm=on,hpet,,dumpdtb=/x", "-machine smm=on", "-machine hpet,dumpdtb"},
        {"-machine default_bus_bypass_iommu=on,mem-merge=off", "-machine default-bus-bypass-iommu=on,mem-merge=off",
         ""},
        {"-device {\"driver\":\"e1000\",\"mac,romfile\":\"/x\",\"a=b\":\"c\"}", "-device driver=e1000",
         "-device e1000,mac,romfile,a=b"},
        {"-smbios type=1,serial,,file=/x", "-smbios type=1", "-smbios serial,file"},
        {"-enable-kvm -cpu host,+vmx -display sdl -vnc :1,password=on", "-cpu max", ""},
        {"-cpu cortex-a57,pmu=off", "-cpu cortex-a57", ""},
        {"-drive file=/a,,b.qcow2,if=virtio,cache=none", "-drive if=virtio," DISK, ""},
        {"-drive if=none,id=cd,media=cdrom", "-drive if=none,id=cd,media=cdrom", ""},
        {"-cdrom /x.iso disk.img", "-drive index=2,media=cdrom," DISK " -drive index=0,media=disk," DISK, ""},
        {"-blockdev driver=file,filename=/x,node-name=f0,read-only=on",
         "-blockdev {\"driver\":\"null-co\",\"node-name\":\"f0\",\"read-zeroes\":true,\"size\":1073741824,"
         "\"read-only\":true}",
         ""},
        {"-netdev tap,id=n0,fd=7,vhost=on -device virtio-net-pci,netdev=n0,host_mtu=1400",
         "-netdev hubport,hubid=0,id=n0 -device driver=virtio-net-pci,netdev=n0,host_mtu=1400", ""},
        {"-nic bridge,br=br0,model=e1000,mac=52:54:00:00:00:01",
         "-nic type=hubport,hubid=0,model=e1000,mac=52:54:00:00:00:01", ""},
        {"-net nic,model=rtl8139 -net user,hostfwd=tcp::22-:22", "-net type=nic,model=rtl8139", ""},
        {"-chardev socket,id=c0,path=/x -serial chardev:c0 -serial pty -monitor stdio",
         "-chardev null,id=c0 -serial chardev:c0 -serial null", ""},
        {"-nographic", "-machine graphics=off -serial null", ""},
        {"-device {\"driver\":\"nvme\",\"serial\":\"a,b\",\"addr\":\"0x4\"}",
         "-device driver=nvme,serial=a,,b,addr=0x4", ""},
        {"-device virtio-net-pci,romfile=/x/y.rom",
         "-device driver=virtio-net-pci,romfile=", "-device virtio-net-pci,romfile"},
        {"-device vfio-pci,host=01:00.0 -device scsi-block,drive=d", "-device driver=scsi-hd,drive=d",
         "-device vfio-pci"},
        {"-tpmdev emulator,id=t,chardev=c -device tpm-crb,tpmdev=t", "", "-tpmdev; -device tpm-crb"},
        {"-object memory-backend-file,id=m,mem-path=/dev/hugepages,size=1G,share=on",
         "-object qom-type=memory-backend-ram,id=m,size=1G", ""},
        {"-object rng-random,id=r,filename=/dev/random -object iothread,id=io",
         "-object qom-type=rng-builtin,id=r -object qom-type=iothread,id=io", ""},
        {"-object secret,id=s,data=hush -object filter-dump,id=f,netdev=n,file=x", "", ""},
        {"-fw_cfg name=opt/a,file=/secret -fw_cfg opt/b,string=hush",
         "-fw_cfg name=opt/a,string=stub -fw_cfg name=opt/b,string=stub", ""},
        {"-smbios type=1,serial=x -smbios file=/x", "-smbios type=1,serial=x", "-smbios"},
        {"-kernel /k -append quiet", "", "-kernel; -append"},
        {"-incoming tcp:0:1 -S -loadvm x -snapshot -qmp unix:/x -pidfile p -D log", "", ""},
        {"-audiodev pa,id=a -fsdev local,id=f,path=/,security_model=none", "-audiodev none,id=a -fsdev synth,id=f", ""},
        {"-chardev null,id=a,,backend=file,,path=/x -netdev {\"type\":\"user\",\"id\":\"n,x=y\"}",
         "-chardev null,id=a,,backend=file,,path=/x -netdev hubport,hubid=0,id=n,,x=y", ""},
        {"-fsdev synth,id=f,,fsdriver=local,,path=/ -audiodev none,id=a,,driver=wav,,path=/x",
         "-fsdev synth,id=f,,fsdriver=local,,path=/ -audiodev none,id=a,,driver=wav,,path=/x", ""},
        {"-boot order=c,menu=on,splash=/x.jpg", "-boot order=c,menu=on", ""},
        {"-device virtio-gpu-gl-pci -device virtio-vga-gl -device virtio-gpu-pci", "-device driver=virtio-gpu-pci",
         "-device virtio-gpu-gl-pci; -device virtio-vga-gl"},
        {"-global kvm-pit.lost_tick_policy=discard -global driver=e1000,property=mac,value=52:54:00:00:00:02",
         "-global driver=kvm-pit,property=lost_tick_policy,value=discard "
         "-global driver=e1000,property=mac,value=52:54:00:00:00:02",
         ""},
        {"-global e1000.romfile= -set device.n.romfile= -set device.n.addr=4",
         "-global driver=e1000,property=romfile,value= -set device.n.romfile= -set device.n.addr=4", ""},
        {"-global nvme.serial=a,property=pcap,driver=usb-mouse",
         "-global driver=nvme,property=serial,value=a,,property=pcap,,driver=usb-mouse", ""},
        {"-device Haswell-x86_64-cpu,socket-id=1,core-id=0,thread-id=0,vmx=on -device virtio-net,id=n",
         "-device driver=Haswell-x86_64-cpu,socket-id=1,core-id=0,thread-id=0 -device driver=virtio-net,id=n",
         "-device Haswell-x86_64-cpu,vmx"},
        {"-unheard-of /x -m 1G", "-m 1G", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *told;
        const char *out = stubbed(cases[i].words, &told);

        if (strcmp(out, cases[i].stub) != 0 || strcmp(told, cases[i].told) != 0)
            fail_msg("'%s' became '%s' and told '%s'", cases[i].words, out, told);
        if (strcmp(stubbed(cases[i].stub, NULL), cases[i].stub) != 0)
            fail_msg("'%s' did not stay", cases[i].stub);
    }
}

static void what_cannot_be_read_is_an_error(void **state)
{
    char *const cut[] = {(char *)"-m", NULL}, *const json[] = {(char *)"-device", (char *)"{\"driver\":", NULL};
    struct hf_stub stub;

    assert_int_equal(hf_stub_arguments(1, cut, &stub, NULL), -HF_EUSAGE);
    assert_int_equal(hf_stub_arguments(2, json, &stub, NULL), -HF_EUSAGE);
}

static void it_is_kept_as_text(void **state)
{
    char *const words[] = {(char *)"-m", (char *)"1G", (char *)"-kernel", (char *)"/k\xc3\xa4", NULL};
    static const char *const wrong[] = {"", "[]", "{\"words\":[1],\"left-out\":[]}", "{\"words\":[]}"};
    struct hf_stub stub, again;
    char *text;

    assert_int_equal(hf_stub_arguments(4, words, &stub, NULL), 0);
    text = hf_stub_dump(&stub);
    assert_int_equal(hf_stub_load(text, &again, NULL), 0);
    assert_int_equal(again.words.count, 2);
    assert_string_equal(again.words.at[1], "1G");
    assert_string_equal(again.left_out.at[0], "-kernel");
    free(text);
    hf_stub_done(&stub);
    hf_stub_done(&again);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(hf_stub_load(wrong[i], &stub, NULL), -HF_EDAMAGED);
}

/* A container's record is a stranger's text: nothing in it reaches QEMU that an owner's arguments could not. */
static void a_record_starts_no_program(void **state)
{
    static const char record[] =
        "{\"words\":[\"-m\",\"1G\",\"-incoming\",\"exec:touch /tmp/x\",\"-netdev\",\"tap,id=n,script=/tmp/x\","
        "\"-plugin\",\"/tmp/x.so\",\"-drive\",\"if=virtio,file=/etc/shadow\"],\"left-out\":[\"-kernel\"]}";
    static const char *const wanted[] = {"-m", "1G", "-netdev", "hubport,hubid=0,id=n", "-drive", ("if=virtio," DISK)};
    struct hf_stub stub;

    assert_int_equal(hf_stub_load(record, &stub, NULL), 0);
    assert_int_equal(stub.words.count, HF_ARRAY_SIZE(wanted));
    for (size_t i = 0; i < HF_ARRAY_SIZE(wanted); i++)
        assert_string_equal(stub.words.at[i], wanted[i]);
    assert_int_equal(stub.left_out.count, 2);
    assert_string_equal(stub.left_out.at[0], "-plugin");
    assert_string_equal(stub.left_out.at[1], "-kernel");
    hf_stub_done(&stub);
}

/* Devices open files of the host, and some of them write: QEMU truncates what "pcap" names. */
static void no_property_names_a_file_of_the_host(void **state)
{
    static const struct {
        const char *words, *stub;
    } cases[] = {
        {"-device usb-mouse,pcap=/x", "-device driver=usb-mouse"},
        {"-device {\"driver\":\"usb-kbd\",\"pcap\":\"x\"}", "-device driver=usb-kbd"},
        {"-machine boot.splash=/x,smm=on", "-machine smm=on"},
        {"-device unheard-of", ""},
        {"-device {\"unheard.of\":\"/x\",\"driver\":\"nvme\"}", "-device driver=nvme"},
        {"-device virtio-net-pci-", ""},
        {"-device virtio-input-host-pci,evdev=/x", ""},
        {"-smbios type=11,value=a,path=/x", "-smbios type=11,value=a"},
        {"-nic user,model=unheard-of", "-nic type=hubport,hubid=0"},
        {"-global ABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEF.pcap=a,driver=usb-mouse", ""},
        {"-global usb-mouse.pcap=/x", ""},
        {"-global driver=usb-mouse,property=pcap,value=/x", ""},
        {"-global value=/x,property=romfile,driver=e1000", ""},
        {"-global e1000.romfile=/x", ""},
        {"-set device.m.pcap=/x", ""},
        {"-set device.m.driver=usb-mtp", ""},
        {"-set device.m.romfile=/x", ""},
        {"-device usb-mtp,rootdir=/,readonly=off", ""},
        {"-device uefi-vars-x64,jsonfile=/x", ""},
        {"-device ipmi-bmc-sim,id=b,sdrfile=/x,frudatafile=/y", "-device driver=ipmi-bmc-sim,id=b"},
        {"-device cxl-upstream,cdat=/x", "-device driver=cxl-upstream"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *told;
        const char *out = stubbed(cases[i].words, &told);

        if (strcmp(out, cases[i].stub) != 0 || !*told)
            fail_msg("'%s' became '%s' and told '%s'", cases[i].words, out, told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_stays_and_the_host_goes),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
        cmocka_unit_test(it_is_kept_as_text),
        cmocka_unit_test(a_record_starts_no_program),
        cmocka_unit_test(no_property_names_a_file_of_the_host),
    };

    return cmocka_run_group_tests_name("probe-stub_arguments", tests, NULL, NULL);
}
