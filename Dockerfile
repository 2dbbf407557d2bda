# The program on a CPU, with the pinned packages of requirements.txt (TensorFlow 1.15, Python 3.7):
#
#     docker build -t classifiers .
#     docker build -t classifiers --build-arg PYTHON=3.11 \
#         --build-arg REQUIREMENTS=requirements-tf2.txt .         # TensorFlow 2.15
#     docker run --rm -v /data:/data -v "$PWD/result:/app/result" classifiers \
#         --model_name=mixnet-s --data_dir=/data/photos --dataset=folder
#
# NOTE: never built so far, there was no builder at hand; the packages are those that the tests run
# with. Ctrl-C and `docker stop` save and exit with 75, as outside (give a step time: --stop-timeout).
ARG PYTHON=3.7
FROM python:${PYTHON}-slim

ARG REQUIREMENTS=requirements.txt
# Fonts for class names that are not Latin, in pictures; libfribidi0 for those from right to left.
ARG FONTS="fonts-noto-core fonts-noto-cjk libfribidi0"
RUN apt-get update \
 && apt-get install -y --no-install-recommends ${FONTS} \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements*.txt ./
RUN pip install --no-cache-dir wheel && pip install --no-cache-dir -r ${REQUIREMENTS}
COPY . .

ENTRYPOINT ["python", "main.py"]
CMD ["--help"]
