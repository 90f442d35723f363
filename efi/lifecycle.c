/* SPDX-License-Identifier: BSD-2-Clause */
#include "lifecycle.h"

/* The handlers write one word of the window and call nothing: boot services are on their way out in the second. */
static void ready_to_boot(EFI_EVENT event, void *context)
{
    struct hf_efi_window *w = context;

    (void)event;
    hf_mailbox_guest_report(&w->port, HF_MAILBOX_STAGE_READY_TO_BOOT);
}

static void exit_boot_services(EFI_EVENT event, void *context)
{
    struct hf_efi_window *w = context;

    (void)event;
    hf_mailbox_guest_report(&w->port, HF_MAILBOX_STAGE_EXIT_BOOT);
}

void hf_efi_lifecycle_start(struct hf_efi_window *w)
{
    /* UEFI 2.10, 7.1: event groups */
    static const EFI_GUID ready = {0x7ce88fb3, 0x4bd7, 0x4679, {0x87, 0xa8, 0xa8, 0xd8, 0xde, 0xe5, 0x0d, 0x2b}};
    static const EFI_GUID leaving = {0x27abf055, 0xb1b8, 0x4c26, {0x80, 0x48, 0x74, 0x8f, 0x37, 0xba, 0xa2, 0xdf}};
    struct hf_bits agreed;
    EFI_EVENT event;

    if (hf_efi_agree(w, HF_LIFECYCLE_DOMAIN, HF_LIFECYCLE_DOMAIN_VERSION, HF_LIFECYCLE_FEATURE_STAGES, &agreed) < 0 ||
        !hf_bits_has(&agreed, 0))
        return;
    (void)w->boot->CreateEventEx(EVT_NOTIFY_SIGNAL, TPL_CALLBACK, ready_to_boot, w, &ready, &event);
    (void)w->boot->CreateEventEx(EVT_NOTIFY_SIGNAL, TPL_NOTIFY, exit_boot_services, w, &leaving, &event);
}
