/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_ready.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "places.h"
#include "whole_file.h"

#define APPARMOR_LOCAL "/etc/apparmor.d/local/abstractions/libvirt-qemu"
#define APPARMOR_RULE  HF_LIBVIRT_RUN "/*/" HF_VARS_SOCKET " rw,"

#define SAID_MAX 200

#define ANSWER "holdfast's hook is called"

/* Starts nothing: its disk is not there. Emulator, type and machine are the domain's own, which libvirt knows. */
#define PROBE                                                                                                          \
    "<domain type='%s'><name>" HF_HOOK_PROBE "-%ld</name><memory unit='MiB'>16</memory>"                               \
    "<os><type arch='%s' machine='%s'>hvm</type></os><devices>%s%s%s"                                                  \
    "<disk type='file' device='disk'><source file='" HF_LIBVIRT_STATE "/no-such-disk'/>"                               \
    "<target dev='vda' bus='virtio'/></disk></devices></domain>"

int hf_host_ready_answer(struct hf_error *err)
{
    return hf_error_refuse(err, "probe", ANSWER);
}

/* libvirt looks for hooks once, when it starts; nothing but a start tells whether it found ours. */
static int check_called(struct hf_virt *virt, const struct hf_domain *d, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *said = NULL;
    char xml[PATH_MAX + 1024];
    size_t length;
    int n = snprintf(xml, sizeof xml, PROBE, d->type, (long)getpid(), d->arch, d->machine,
                     d->emulator[0] ? "<emulator>" : "", d->emulator, d->emulator[0] ? "</emulator>" : "");
    int r = n < (int)sizeof xml
                ? hf_virt_try(virt, xml, &said, err)
                : hf_error_set(err, HF_EUSAGE, "domain '%s': its XML has a field that is too long", d->name);

    if (r < 0 || strstr(said, ANSWER))
        return r;
    length = strlen(said); /* what matters comes last: libvirt quotes a hook's whole environment before */
    return hf_error_refuse(
        err, "hook",
        "libvirtd does not call '" HOLDFAST_LIBVIRT_HOOK "': it looks for hooks only when it starts; restart "
        "it ('systemctl restart libvirtd'; domains that run go on) and try again. A start that was tried "
        "said: %s",
        length > SAID_MAX ? said + length - SAID_MAX : said);
}

static int check_hook(struct hf_virt *virt, const struct hf_domain *d, struct hf_error *err)
{
    if (access(HOLDFAST_LIBVIRT_HOOK, X_OK) == 0)
        return check_called(virt, d, err);
    return hf_error_refuse(err, "hook",
                           "'" HOLDFAST_LIBVIRT_HOOK "' is not there, so libvirt would not start the server of the "
                           "variables; install it (it comes with holdfast) and restart libvirtd once");
}

/* The profile that libvirt makes for each QEMU knows files, not sockets. */
static int check_apparmor(struct hf_virt *virt, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *local = NULL;
    char model[64];
    uint64_t size = 0;
    int r = hf_virt_security_model(virt, model, err);

    if (r < 0 || strcmp(model, "apparmor") != 0)
        return r;
    if (hf_file_read(APPARMOR_LOCAL, 1U << 20, &local, &size, NULL) == 0 &&
        memmem(local, size, HF_LIBVIRT_RUN, strlen(HF_LIBVIRT_RUN)))
        return 0;
    return hf_error_refuse(err, "apparmor",
                           "QEMU's AppArmor profile does not let it reach its variables; add this line "
                           "to '" APPARMOR_LOCAL "': " APPARMOR_RULE);
}

int hf_host_ready(struct hf_virt *virt, const struct hf_domain *d, struct hf_error *err)
{
    int r = check_apparmor(virt, err);

    return r < 0 ? r : check_hook(virt, d, err);
}
