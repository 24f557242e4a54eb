# SPDX-License-Identifier: MIT
# plugin.mk: how a plugin is built against an installed QNet. A plugin's Makefile sets NAME, KIND,
# SOURCES and PACKAGES and includes this; CC, CXX, CFLAGS, LDFLAGS and DESTDIR are the builder's.
#
#   make           NAME.so, from SOURCES and from the manifest NAME.yaml
#   make check     NAME_test.c against it, then the conformance kit
#   make install   into the folder where QNet looks for plugins of KIND
#   make clean
#
# It needs GNU make and pkg-config.

PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g
WARNINGS   ?= -Wall -Wextra -Wshadow -Wconversion
qnet_says   = $(shell $(PKG_CONFIG) --variable=$(1) qnet-plugin)

QNET       ?= $(call qnet_says,qnet)
ABIGEN     ?= $(call qnet_says,abigen)
abidir     := $(call qnet_says,abidir)
plugindir  := $(call qnet_says,plugindir)
flags      := -fPIC $(shell $(PKG_CONFIG) --cflags qnet-plugin $(PACKAGES)) \
              $(call qnet_says,cflags_$(KIND))
libs       := $(shell $(PKG_CONFIG) --libs qnet-plugin $(PACKAGES))
objects    := $(addsuffix .o,$(basename $(SOURCES)))
linker      = $(if $(filter %.cc,$(SOURCES)),$(CXX),$(CC))

.PHONY: all check install clean
.DELETE_ON_ERROR:

all: $(NAME).so

$(NAME).manifest.h: $(NAME).yaml
	$(ABIGEN) manifest $< $(abidir) >$@

%.o: %.c $(NAME).manifest.h
	$(CC) -std=c11 -D_POSIX_C_SOURCE=200809L $(flags) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -MMD -c -o $@ $<

%.o: %.cc $(NAME).manifest.h
	$(CXX) -std=c++17 $(flags) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -MMD -c -o $@ $<

# Made beside it and renamed: a file that a node has mapped is never written over.
$(NAME).so: $(objects)
	$(linker) -shared $(CFLAGS) $(LDFLAGS) -o $@.tmp $^ $(libs)
	mv $@.tmp $@

$(NAME)_test: $(NAME)_test.o $(objects)
	$(linker) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(libs)

check: all $(NAME)_test
	./$(NAME)_test
	$(QNET) plugin check ./$(NAME).so

install: all
	mkdir -p '$(DESTDIR)$(plugindir)/$(KIND)'
	cp $(NAME).so '$(DESTDIR)$(plugindir)/$(KIND)/$(NAME).so.tmp'
	mv '$(DESTDIR)$(plugindir)/$(KIND)/$(NAME).so.tmp' '$(DESTDIR)$(plugindir)/$(KIND)/$(NAME).so'

clean:
	rm -f $(NAME).so $(NAME).manifest.h $(NAME)_test $(NAME)_test.o $(NAME)_test.d $(objects) \
	    $(objects:.o=.d)

-include $(objects:.o=.d) $(NAME)_test.d
