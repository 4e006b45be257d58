{
  "variables": { "source_hash%": "", "sanitize%": "0" },
  "targets": [
    {
      "target_name": "framewright",
      "sources": [
        "src/addon.c", "src/arguments.c", "src/aead.c", "src/x25519.c",
        "src/address.c", "src/peers.c", "src/socket.c", "src/receive.c", "src/send.c"
      ],
      "defines": [ "SOURCE_HASH=\"<(source_hash)\"" ],
      "cflags": [ "-std=c11", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-cast-function-type", "-fvisibility=hidden" ],
      "ldflags": [ "-Wl,-z,now" ],
      "conditions": [
        [ "sanitize==1", {
          "cflags": [ "-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g" ],
          "ldflags": [ "-fsanitize=address,undefined" ]
        } ]
      ]
    }
  ]
}
