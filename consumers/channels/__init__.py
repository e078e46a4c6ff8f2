"""One plain module an outlet, each meeting schemas.channel.Channel."""
