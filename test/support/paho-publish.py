# Publishes 30 events with the Python client of Eclipse Paho: port, protocol version, QoS. Ends with 0 once all are acknowledged.
import sys

import paho.mqtt.client as mqtt

port, version, qos = (int(argument) for argument in sys.argv[1:4])
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="paho", protocol=mqtt.MQTTv5 if version == 5 else mqtt.MQTTv311)
client.connect("127.0.0.1", port)
client.loop_start()
sent = [
    client.publish("dpu/423/events", '{"timestamp":%d,"direction":1}' % (1519461921893 + index), qos)
    for index in range(30)
]
for publish in sent:
    publish.wait_for_publish(10)
acknowledged = all(publish.is_published() for publish in sent)
client.disconnect()
client.loop_stop()
sys.exit(0 if acknowledged else 1)
