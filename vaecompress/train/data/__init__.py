"""Pictures for training: folders, shards, tf.data, crops on the device."""
