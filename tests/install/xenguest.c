// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the two functions of libsr-xenguest, as installed, by the header that declares them: Xen's.
#include <xenctrl.h>
#include <xenguest.h>

#include <stdint.h>
#include <stdio.h>

int main(void)
{
    if (xc_domain_save == NULL || xc_domain_restore == NULL) {
        return 1;
    }
    puts("libsr-xenguest has xc_domain_save and xc_domain_restore");
    return 0;
}
